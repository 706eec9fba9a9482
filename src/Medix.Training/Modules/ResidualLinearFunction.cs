using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>residual + x·Wᵀ in one pass over the result. Arguments: residual [N, M], x [N, K], weight [M, K].</summary>
internal sealed class ResidualLinearFunction : SingleTensorFunction<ResidualLinearFunction>
{
    public override string Name => nameof(ResidualLinearFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor residual = (Tensor)vars[0], x = (Tensor)vars[1], weight = (Tensor)vars[2];
        ctx.save_for_backward([x, weight]);
        return MatrixProducts.TimesTransposed(x, weight, residual);
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor dy = grad_output.contiguous();
        Tensor dx = MatrixProducts.Times(dy, saved[1], null);
        Tensor? dw = saved[1].requires_grad ? MatrixProducts.TransposedTimes(dy, saved[0]) : null;
        return GradientTensors.Return([.. saved, grad_output], dy, dx, dw);
    }
}
