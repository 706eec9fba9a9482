using System.Globalization;
using System.Numerics.Tensors;
using Medix.Runs;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Export;

/// <summary>Writes tensors slice by slice, each slice rounded on all processors; the buffers serve one tensor after another.</summary>
internal sealed class TensorStream
{
    private const int SliceValues = 1 << 21, PartValues = 1 << 15;
    private const float LargestHalf = 65504;
    private const float LargestBFloat16 = 3.3895314e38f;

    private float[] _values = [];
    private byte[] _bytes = [];

    /// <summary>Writes all values; <paramref name="written"/> is told the bytes of each slice.</summary>
    /// <exception cref="MedixException">A value is not finite, or too large for a format whose numbers or scales are half precision.</exception>
    public void Write(PlannedTensor tensor, Stream stream, Action<long> written, CancellationToken cancellationToken)
    {
        long count = tensor.Count;
        int slice = (int)Math.Min(SliceValues, count), bytes = (int)tensor.Format.BytesOf(slice);
        _values = _values.Length >= slice ? _values : new float[slice];
        _bytes = _bytes.Length >= bytes ? _bytes : new byte[bytes];
        for (long start = 0; start < count; start += slice)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int take = (int)Math.Min(slice, count - start), length = (int)tensor.Format.BytesOf(take);
            tensor.Read(start, _values.AsSpan(0, take));
            Require(tensor, start, _values.AsSpan(0, take));
            Round(tensor.Format, take);
            stream.Write(_bytes, 0, length);
            written(length);
        }
    }

    private void Round(BlockFormat format, int count) => Parallel.For(0, (count + PartValues - 1) / PartValues, part =>
    {
        int first = part * PartValues, take = Math.Min(PartValues, count - first);
        format.Quantise(_values.AsSpan(first, take), _bytes.AsSpan((int)format.BytesOf(first), (int)format.BytesOf(take)));
    });

    private static void Require(PlannedTensor tensor, long start, ReadOnlySpan<float> values)
    {
        float most = tensor.Format == BlockFormats.F32 ? float.MaxValue : tensor.Format == BlockFormats.BF16 ? LargestBFloat16 : LargestHalf;
        float largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        if (largest <= most)
        {
            return;
        }

        int at = 0;
        while (Math.Abs(values[at]) <= most)
        {
            at++;
        }

        string found = string.Create(CultureInfo.InvariantCulture, $"Tensor '{tensor.Source}' has {values[at]:R} near index {start + at}");
        throw new MedixException(float.IsFinite(values[at])
            ? string.Create(CultureInfo.InvariantCulture, $"{found}, more than the {most} that {tensor.Format.Name} can hold. Export as bf16 or f32.")
            : $"{found}; weights must be finite. Fetch the model again, or go back to a checkpoint from before training diverged.");
    }
}
