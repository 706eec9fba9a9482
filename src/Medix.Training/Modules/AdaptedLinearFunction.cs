using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// start + x·Wᵀ + scale·(x·Aᵀ)·Bᵀ: a Linear with a low-rank adapter (LoRA, arXiv 2106.09685) in one place, so that the sum needs no copies. Arguments:
/// x [N, K], weight [M, K] (may be bf16, is not trained), A [r, K], B [M, r], scale, and optionally start [N, M].
/// </summary>
internal sealed class AdaptedLinearFunction : SingleTensorFunction<AdaptedLinearFunction>
{
    private const string Scale = "scale";
    private const int Start = 5;

    public override string Name => nameof(AdaptedLinearFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0], weight = (Tensor)vars[1], a = (Tensor)vars[2], b = (Tensor)vars[3];
        double scale = (double)vars[4];
        Tensor y = MatrixProducts.TimesTransposed(x, weight, vars.Length > Start ? (Tensor)vars[Start] : null);
        Tensor low = MatrixProducts.TimesTransposed(x, a);
        low.mul_(LastingScalars.Of(scale));
        MatrixProducts.AddTimesTransposed(low, b, y);
        ctx.save_for_backward([x, weight, a, b, low]);
        ctx.save_data(Scale, scale);
        ctx.save_data("arguments", vars.Length);
        return y;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], weight = saved[1], a = saved[2], b = saved[3], low = saved[4], dy = grad_output.contiguous();
        Tensor?[] results = new Tensor?[(int)ctx.get_data("arguments")];
        Tensor dlow = MatrixProducts.Times(dy, b, null);
        dlow.mul_(LastingScalars.Of((double)ctx.get_data(Scale)));
        results[2] = MatrixProducts.TransposedTimes(dlow, x);
        results[3] = MatrixProducts.TransposedTimes(dy, low);
        if (x.requires_grad)
        {
            results[0] = MatrixProducts.Times(dlow, a, MatrixProducts.Times(dy, weight, null));
        }

        if (results.Length > Start)
        {
            results[Start] = dy;
        }

        return GradientTensors.Return([.. saved, grad_output, dy, dlow], results);
    }
}
