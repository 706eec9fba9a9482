using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// A part of the model that keeps its input alone and is computed again in the backward pass (Chen et al. 2016, arXiv 1604.06174). Gradients of the part's
/// parameters go straight to their <c>grad</c>; those of the input are returned. Arguments: x, the part, a tensor that makes the result need a gradient even
/// where x does not, and the constant tensors that the part reads (they must live until the backward pass, so the part is given them back).
/// </summary>
internal sealed class RecomputedFunction : SingleTensorFunction<RecomputedFunction>
{
    private const string Part = "part";
    private const int FirstConstant = 3;

    public override string Name => nameof(RecomputedFunction);

    public static Tensor Apply(Tensor x, IReadOnlyList<Tensor> constants, Func<Tensor, IReadOnlyList<Tensor>, Tensor> part)
    {
        using Tensor anchor = empty(0, ScalarType.Float32, requires_grad: true);
        return apply([x, part, anchor, .. constants]);
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0];
        var part = (Func<Tensor, IReadOnlyList<Tensor>, Tensor>)vars[1];
        Tensor[] constants = [.. vars.Skip(FirstConstant).Cast<Tensor>()];
        ctx.save_for_backward([x, .. constants]);
        ctx.save_data(Part, part);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        return part(x, constants).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        var part = (Func<Tensor, IReadOnlyList<Tensor>, Tensor>)ctx.get_data(Part);
        Tensor?[] results = new Tensor?[FirstConstant + saved.Count - 1];
        using (DisposeScope scope = NewDisposeScope())
        using (enable_grad())
        {
            Tensor x = saved[0].detach().requires_grad_(true);
            Tensor again = part(x, saved[1..]);
            again.backward([grad_output.contiguous()]);
            results[0] = x.grad!.MoveToOuterDisposeScope();
        }

        GradientTensors.Release();
        return GradientTensors.Return([.. saved, grad_output], results);
    }
}
