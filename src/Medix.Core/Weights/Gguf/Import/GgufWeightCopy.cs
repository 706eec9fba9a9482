using System.Globalization;
using System.Numerics.Tensors;
using Medix.Runs;
using Medix.Weights.Creation;

namespace Medix.Weights.Gguf.Import;

/// <summary>Takes a GGUF model's parameters, a slice or an expert at a time, into the files of a checkpoint.</summary>
internal sealed class GgufWeightCopy(GgufModel model, ImportOptions options, Action<CreationProgress>? progress, CancellationToken cancellationToken)
{
    private const int SliceValues = 1 << 20;
    private const long ValuesBetweenReleases = 1 << 24;

    private readonly int _width = DTypes.Bits(options.DType) / 8;
    private readonly float _most = options.DType switch { "F16" => 65504, "BF16" => 3.3895314e38f, _ => float.MaxValue };

    // The published layout of fused experts is Qwen3-VL's; text-only models have only that of transformers 5, in which GGUF holds them too.
    private readonly bool _asHeld = model.Config.Vision is null;
    private float[] _buffer = [];
    private long _done;
    private long _total;

    /// <summary>Writes the weights into a folder.</summary>
    public void Write(string folder)
    {
        StreamedTensor[] tensors = [.. ModelTensors.Of(model.Config).Select(tensor => new StreamedTensor(
            TensorNames.Published(tensor.Name, model.Config), options.DType, (_asHeld ? tensor.OtherShape : null) ?? tensor.Shape, stream => Copy(tensor, stream)))];
        _total = tensors.Sum(tensor => tensor.Bytes);
        CheckpointWriter.Write(folder, tensors, new(options.ShardBytes), cancellationToken);
    }

    private void Copy(ExpectedTensor tensor, Stream stream)
    {
        long count = tensor.Shape.Aggregate(1L, (product, side) => product * side), kept = 0;
        int most = (int)Math.Min(count, tensor.OtherShape is null || _asHeld ? SliceValues : tensor.Shape[1] * tensor.Shape[2]);
        _buffer = _buffer.Length < most ? new float[most] : _buffer;
        for (long at = 0; at < count; at += most)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<float> slice = _buffer.AsSpan(0, (int)Math.Min(most, count - at));
            Read(tensor.Name, at, slice);
            kept += slice.Length;
            if (kept >= ValuesBetweenReleases)
            {
                model.Release(tensor.Name);
                kept = 0;
            }

            RequireInRange(tensor.Name, slice);
            TensorBytes.Write(stream, options.DType, slice);
            _done += (long)slice.Length * _width;
            progress?.Invoke(new(tensor.Name, _done, _total));
        }
    }

    private void Read(string name, long start, Span<float> values)
    {
        if (_asHeld)
        {
            model.ReadFloat32AsHeld(name, start, values);
        }
        else
        {
            model.ReadFloat32(name, start, values);
        }
    }

    private void RequireInRange(string name, ReadOnlySpan<float> values)
    {
        float largest = TensorPrimitives.MaxMagnitude(values);
        if (float.IsNaN(largest) || Math.Abs(largest) > _most)
        {
            GgufParts parts = GgufTensorNames.IsVision(name) ? model.Vision! : model.Text;
            throw new MedixException(string.Create(
                CultureInfo.InvariantCulture,
                $"{parts.Path}: parameter '{name}' has the value {largest}, expected finite numbers of at most {_most}, the range of {options.DType}. "
                + $"Choose --dtype fp32 where a number is only too large; else fetch the file again."));
        }
    }
}
