using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Quantising;

/// <summary>
/// Measures what a group of matrices costs in 4 bits: in the original model they are replaced by what their packed numbers mean, the model's predictions are compared
/// with its own, and the originals are put back. Small divergences of different groups add up, so that a plan's is foreseen from its groups'.
/// </summary>
internal sealed unsafe class SensitivityProbe(Qwen3VLModel model, DivergenceMeter meter, IReadOnlyDictionary<string, float[]> importance)
{
    private const int SliceValues = 1 << 20;

    /// <summary>Mean divergence in nats with this group alone in the storage of its plan.</summary>
    public double Measure(MatrixGroup group, CancellationToken cancellationToken)
    {
        ModelPart[] parts = [.. model.Memory.Parts.Where(part => part.Matrix is not null && group.Keys.Contains(part.Key))];
        AlignedMemory[] saved = [.. parts.Select(part => CopyOf(part.Matrix!.Memory))];
        try
        {
            foreach (ModelPart part in parts)
            {
                Replace(part, group.Storage);
            }

            return meter.Divergence(model, cancellationToken);
        }
        finally
        {
            for (int i = 0; i < parts.Length; i++)
            {
                AlignedMemory target = parts[i].Matrix!.Memory;
                Buffer.MemoryCopy(saved[i].Bytes, target.Bytes, target.Length, target.Length);
                saved[i].Dispose();
            }
        }
    }

    private static AlignedMemory CopyOf(AlignedMemory source)
    {
        AlignedMemory copy = new(source.Length);
        Buffer.MemoryCopy(source.Bytes, copy.Bytes, copy.Length, copy.Length);
        return copy;
    }

    private void Replace(ModelPart part, WeightStorage storage)
    {
        PackedMatrix matrix = part.Matrix!;
        int rows = Math.Max(1, SliceValues / matrix.K);
        float[] values = new float[Math.Min(rows, matrix.N) * matrix.K];
        for (int first = 0; first < matrix.N; first += rows)
        {
            int count = Math.Min(rows, matrix.N - first);
            Span<float> slice = values.AsSpan(0, count * matrix.K);
            using PackedMatrix packed = new(count, matrix.K, storage);
            CopyRows(matrix, first, slice);
            packed.SetRows(0, slice, model.Pool, importance.GetValueOrDefault(part.Name));
            CopyRows(packed, 0, slice);
            matrix.SetRows(first, slice, model.Pool);
        }
    }

    private static void CopyRows(PackedMatrix matrix, int first, Span<float> target)
    {
        fixed (float* pointer = target)
        {
            for (int row = 0; row < target.Length / matrix.K; row++)
            {
                matrix.CopyRow(first + row, pointer + ((long)row * matrix.K));
            }
        }
    }
}
