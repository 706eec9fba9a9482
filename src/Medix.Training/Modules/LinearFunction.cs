using Medix.Inference.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// Several products x·Wᵀ of one input [N, K] (query, key and value; gate and up), so that the gradients by x are summed inside the products.
/// Arguments: x, then the weights [outputs, K].
/// </summary>
internal sealed unsafe class LinearFunction : MultiTensorFunction<LinearFunction>
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

/// <summary>The three matrix products of a Linear layer on fp32 CPU tensors.</summary>
internal static unsafe class MatrixProducts
{
    /// <summary>(start +) a·bᵀ for a [M, K], b [N, K].</summary>
    public static Tensor TimesTransposed(Tensor a, Tensor b, Tensor? start = null)
    {
        (int m, int k, int n) = (Side(a, 0), Side(a, 1), Side(b, 0));
        Tensor c = Result(m, n);
        start?.CopyRowsTo(c);
        Gemm.NT(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.Floats(b), k, TensorMemory.Floats(c), n, m, n, k, start is not null);
        return c;
    }

    /// <summary>(sum +=) a·b for a [M, K], b [K, N]; adds into <paramref name="sum"/> where given.</summary>
    public static Tensor Times(Tensor a, Tensor b, Tensor? sum)
    {
        (int m, int k, int n) = (Side(a, 0), Side(a, 1), Side(b, 1));
        Tensor c = sum ?? Result(m, n);
        Gemm.NN(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.Floats(b), n, TensorMemory.Floats(c), n, m, n, k, sum is not null);
        return c;
    }

    /// <summary>aᵀ·b for a [K, M], b [K, N].</summary>
    public static Tensor TransposedTimes(Tensor a, Tensor b)
    {
        (int k, int m, int n) = (Side(a, 0), Side(a, 1), Side(b, 1));
        Tensor c = Result(m, n);
        Gemm.TN(WorkerPool.Shared, TensorMemory.Floats(a), m, TensorMemory.Floats(b), n, TensorMemory.Floats(c), n, m, n, k);
        return c;
    }

    private static Tensor Result(int rows, int columns) => TensorMemory.Empty(rows, columns);

    private static int Side(Tensor tensor, int dimension) => checked((int)tensor.shape[dimension]);

    private static void CopyRowsTo(this Tensor from, Tensor to) => TensorMemory.Span(from).CopyTo(TensorMemory.Span(to));
}
