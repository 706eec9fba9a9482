using Medix.Training.Modules.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>Softmax attention on flat token matrices. Arguments: query, key, value, <see cref="AttentionLayout"/>, <see cref="AttentionShape"/>.</summary>
internal sealed unsafe class AttentionFunction : SingleTensorFunction<AttentionFunction>
{
    private const string Kernel = "kernel";

    public override string Name => nameof(AttentionFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor q = (Tensor)vars[0], k = (Tensor)vars[1], v = (Tensor)vars[2];
        AttentionShape shape = (AttentionShape)vars[4];
        AttentionKernel kernel = new((AttentionLayout)vars[3], shape);
        Tensor output = TensorMemory.Empty(q.shape), logSums = TensorMemory.Empty(q.shape[0], shape.Heads);
        kernel.Forward(
            TensorMemory.Floats(q), TensorMemory.Floats(k), TensorMemory.Floats(v), TensorMemory.Floats(output), TensorMemory.Floats(logSums));
        ctx.save_for_backward([q, k, v, logSums]);
        ctx.save_data(Kernel, kernel);
        return output;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor gradient = grad_output.contiguous();
        Tensor dq = TensorMemory.Empty(saved[0].shape), dk = TensorMemory.Empty(saved[1].shape), dv = TensorMemory.Empty(saved[2].shape);
        ((AttentionKernel)ctx.get_data(Kernel)).Backward(
            TensorMemory.Floats(saved[0]), TensorMemory.Floats(saved[1]), TensorMemory.Floats(saved[2]), TensorMemory.Floats(saved[3]),
            TensorMemory.Floats(gradient), TensorMemory.Floats(dq), TensorMemory.Floats(dk), TensorMemory.Floats(dv));
        return GradientTensors.Return([.. saved, grad_output, gradient], dq, dk, dv, null, null);
    }
}
