using Medix.Inference.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// Rows sorted into groups, each times its own matrix: y[i] = x[i]·W[g] for the rows i of group g, which are [offsets[g], offsets[g + 1]). Arguments:
/// x [rows, in], weight [groups, in, out] (may be bf16 where it is not trained), int[] offsets [groups + 1].
/// </summary>
internal sealed unsafe class GroupedLinearFunction : SingleTensorFunction<GroupedLinearFunction>
{
    private const string Offsets = "offsets";

    public override string Name => nameof(GroupedLinearFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0], weight = (Tensor)vars[1];
        int[] offsets = (int[])vars[2];
        int input = checked((int)weight.shape[1]), output = checked((int)weight.shape[2]);
        Tensor y = TensorMemory.Empty(x.shape[0], output);
        foreach ((int group, int start, int rows) in Groups(offsets))
        {
            float* from = TensorMemory.Floats(x) + ((long)start * input), to = TensorMemory.Floats(y) + ((long)start * output);
            long at = (long)group * input * output;
            if (weight.dtype == ScalarType.BFloat16)
            {
                Gemm.NN(WorkerPool.Shared, from, input, TensorMemory.BFloat16s(weight) + at, output, to, output, rows, output, input);
            }
            else
            {
                Gemm.NN(WorkerPool.Shared, from, input, TensorMemory.Floats(weight) + at, output, to, output, rows, output, input);
            }
        }

        ctx.save_for_backward([x, weight]);
        ctx.save_data(Offsets, offsets);
        return y;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], weight = saved[1], dy = grad_output.contiguous();
        int input = checked((int)weight.shape[1]), output = checked((int)weight.shape[2]);
        Tensor dx = TensorMemory.Empty(x.shape);
        Tensor? dweight = weight.requires_grad ? zeros(weight.shape, ScalarType.Float32) : null;
        foreach ((int group, int start, int rows) in Groups((int[])ctx.get_data(Offsets)))
        {
            float* gradient = TensorMemory.Floats(dy) + ((long)start * output), to = TensorMemory.Floats(dx) + ((long)start * input);
            long at = (long)group * input * output;
            if (weight.dtype == ScalarType.BFloat16)
            {
                Gemm.NT(WorkerPool.Shared, gradient, output, TensorMemory.BFloat16s(weight) + at, output, to, input, rows, input, output);
            }
            else
            {
                Gemm.NT(WorkerPool.Shared, gradient, output, TensorMemory.Floats(weight) + at, output, to, input, rows, input, output);
            }

            if (dweight is not null)
            {
                float* from = TensorMemory.Floats(x) + ((long)start * input);
                Gemm.TN(WorkerPool.Shared, from, input, gradient, output, TensorMemory.Floats(dweight) + at, output, input, output, rows);
            }
        }

        return GradientTensors.Return([.. saved, grad_output, dy], dx, dweight, null);
    }

    private static IEnumerable<Group> Groups(int[] offsets)
    {
        for (int group = 0; group + 1 < offsets.Length; group++)
        {
            if (offsets[group + 1] > offsets[group])
            {
                yield return new(group, offsets[group], offsets[group + 1] - offsets[group]);
            }
        }
    }

    private readonly record struct Group(int Index, int Start, int Rows);
}
