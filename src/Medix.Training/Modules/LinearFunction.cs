using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// Several products x·Wᵀ of one input [N, K] (query, key and value; gate and up), so that the gradients by x are summed inside the products.
/// Arguments: x, then the weights [outputs, K].
/// </summary>
internal sealed class LinearFunction : MultiTensorFunction<LinearFunction>
{
    public override string Name => nameof(LinearFunction);

    public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
    {
        List<Tensor> inputs = [.. vars.Cast<Tensor>()];
        ctx.save_for_backward(inputs);
        return [.. inputs.Skip(1).Select(weight => MatrixProducts.TimesTransposed(inputs[0], weight))];
    }

    public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0];
        Tensor?[] results = new Tensor?[saved.Count];
        for (int i = 1; i < saved.Count; i++)
        {
            using Tensor gradient = grad_outputs[i - 1].contiguous();
            if (x.requires_grad)
            {
                results[0] = MatrixProducts.Times(gradient, saved[i], results[0]);
            }

            results[i] = saved[i].requires_grad ? MatrixProducts.TransposedTimes(gradient, x) : null;
        }

        return GradientTensors.Return([.. saved, .. grad_outputs], results);
    }
}
