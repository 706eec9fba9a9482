using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Medix.Training.Modules;

/// <summary>Weighted sums of a table's rows; the gradient is added row by row in order. Arguments: table [rows, width], <see cref="RowMix"/>.</summary>
internal sealed class GatherFunction : SingleTensorFunction<GatherFunction>
{
    private const string Mix = "mix", Rows = "rows";

    public override string Name => nameof(GatherFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor table = (Tensor)vars[0];
        RowMix mix = (RowMix)vars[1];
        int width = checked((int)table.shape[1]);
        Tensor result = mix.Weights is null ? TensorMemory.Empty(mix.Count, width) : zeros([mix.Count, width], ScalarType.Float32);
        Span<float> from = TensorMemory.Span(table), to = TensorMemory.Span(result);
        for (int i = 0; i < mix.Rows.Length; i++)
        {
            ReadOnlySpan<float> row = from.Slice(mix.Rows[i] * width, width);
            Span<float> target = to.Slice(i / mix.Width * width, width);
            if (mix.Weights is null)
            {
                row.CopyTo(target);
            }
            else
            {
                TensorPrimitives.MultiplyAdd(row, mix.Weights[i], target, target);
            }
        }

        ctx.save_data(Mix, mix);
        ctx.save_data(Rows, table.shape[0]);
        return result;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        RowMix mix = (RowMix)ctx.get_data(Mix);
        Tensor dy = grad_output.contiguous();
        int width = checked((int)dy.shape[1]);
        Tensor dtable = zeros([(long)ctx.get_data(Rows), width], ScalarType.Float32);
        Span<float> from = TensorMemory.Span(dy), to = TensorMemory.Span(dtable);
        for (int i = 0; i < mix.Rows.Length; i++)
        {
            Span<float> target = to.Slice(mix.Rows[i] * width, width);
            TensorPrimitives.MultiplyAdd(from.Slice(i / mix.Width * width, width), mix.Weights?[i] ?? 1f, target, target);
        }

        return GradientTensors.Return([grad_output, dy], dtable, null);
    }
}
