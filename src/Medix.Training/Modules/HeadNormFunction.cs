using Medix.Training.Modules.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Medix.Training.Modules;

/// <summary>
/// RMSNorm over heads, then rotation where angles are given. Arguments: x [tokens, heads·width], weight [width], epsilon, and optionally cos and sin
/// [tokens, width / 2], which have no gradient. Plain RMSNorm is the case of one head.
/// </summary>
internal sealed unsafe class HeadNormFunction : SingleTensorFunction<HeadNormFunction>
{
    private const string Arguments = "arguments";

    public override string Name => nameof(HeadNormFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0], weight = (Tensor)vars[1];
        Tensor y = TensorMemory.Empty(x.shape);
        Tensor scales = TensorMemory.Empty(x.numel() / weight.numel());
        bool rotate = vars.Length > 3;
        HeadNormKernel kernel = Kernel(x, weight, scales, rotate ? (Tensor)vars[3] : null, rotate ? (Tensor)vars[4] : null);
        kernel.Epsilon = (float)(double)vars[2];
        kernel.Y = TensorMemory.Floats(y);
        kernel.Forward();
        List<Tensor> saved = [x, weight, scales];
        ctx.save_for_backward(rotate ? [.. saved, (Tensor)vars[3], (Tensor)vars[4]] : saved);
        ctx.save_data(Arguments, vars.Length);
        return y;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        bool rotate = saved.Count > 3;
        Tensor dy = grad_output.contiguous(), dx = TensorMemory.Empty(saved[0].shape);
        HeadNormKernel kernel = Kernel(saved[0], saved[1], saved[2], rotate ? saved[3] : null, rotate ? saved[4] : null);
        Tensor partial = TensorMemory.Empty(kernel.Chunks, kernel.Width);
        kernel.Dy = TensorMemory.Floats(dy);
        kernel.Dx = TensorMemory.Floats(dx);
        kernel.PartialDw = TensorMemory.Floats(partial);
        kernel.Backward();
        Tensor dw = SumRows(partial);
        Tensor?[] results = new Tensor?[(int)ctx.get_data(Arguments)];
        results[0] = dx;
        results[1] = dw;
        return GradientTensors.Return([.. saved, grad_output, dy, partial], results);
    }

    private static HeadNormKernel Kernel(Tensor x, Tensor weight, Tensor scales, Tensor? cos, Tensor? sin)
    {
        int width = checked((int)weight.numel()), tokens = checked((int)x.shape[0]);
        return new()
        {
            X = TensorMemory.Floats(x),
            Weight = TensorMemory.Floats(weight),
            Scales = TensorMemory.Floats(scales),
            Cos = cos is null ? null : TensorMemory.Floats(cos),
            Sin = sin is null ? null : TensorMemory.Floats(sin),
            Tokens = tokens,
            Heads = checked((int)(x.numel() / Math.Max(tokens, 1) / width)),
            Width = width,
        };
    }

    /// <summary>In order, so that the sum is the same whatever the number of threads.</summary>
    private static Tensor SumRows(Tensor partial)
    {
        int rows = (int)partial.shape[0], width = (int)partial.shape[1];
        Tensor total = zeros(width, ScalarType.Float32);
        Span<float> sum = TensorMemory.Span(total), values = TensorMemory.Span(partial);
        for (int row = 0; row < rows; row++)
        {
            TensorPrimitives.Add(sum, values.Slice(row * width, width), sum);
        }

        return total;
    }

}
