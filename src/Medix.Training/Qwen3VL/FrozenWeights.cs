using Medix.Training.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>Weights that are not trained, as tensors: bf16 matrices keep their format, everything else is widened to single precision.</summary>
internal static unsafe class FrozenWeights
{
    /// <summary>The tensor, in the published layout.</summary>
    public static Tensor Read(Checkpoint checkpoint, ExpectedTensor expected, Device device)
    {
        TensorInfo info = checkpoint.Info(expected.Name);
        using DisposeScope scope = NewDisposeScope();
        Tensor value = info.DType == "BF16" && info.Shape.Length > 1 ? ReadBFloat16(checkpoint, info) : ReadSingle(checkpoint, info);
        checkpoint.Release(expected.Name);
        value = info.Shape.AsSpan().SequenceEqual(expected.Shape) ? value : value.transpose(1, 2).contiguous();
        return (device.type == DeviceType.CPU ? value : value.pin_memory().to(device, non_blocking: true)).MoveToOuterDisposeScope();
    }

    private static Tensor ReadBFloat16(Checkpoint checkpoint, TensorInfo info)
    {
        Tensor value = empty(info.Shape, ScalarType.BFloat16);
        ReadOnlySpan<byte> bytes = checkpoint.Bytes(info.Name);
        bytes.CopyTo(new Span<byte>(TensorMemory.BFloat16s(value), bytes.Length));
        return value;
    }

    private static Tensor ReadSingle(Checkpoint checkpoint, TensorInfo info)
    {
        Tensor value = TensorMemory.Empty(info.Shape);
        checkpoint.ReadFloat32(info.Name).CopyTo(TensorMemory.Span(value));
        return value;
    }
}
