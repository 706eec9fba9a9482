using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Native;

/// <summary>The raw memory of tensors, for kernels of our own.</summary>
internal static unsafe partial class TensorMemory
{
    /// <summary>Whether our kernels can work on it in place: single precision, in main memory, rows one after another.</summary>
    public static bool IsPlainFloat32(Tensor tensor) =>
        tensor.dtype == ScalarType.Float32 && tensor.device_type == DeviceType.CPU && tensor.is_contiguous();

    /// <summary>The first value of a contiguous fp32 CPU tensor, valid while the tensor lives.</summary>
    public static float* Floats(Tensor tensor) => (float*)Data(tensor.Handle);

    /// <summary>The same of a bf16 tensor.</summary>
    public static ushort* BFloat16s(Tensor tensor) => (ushort*)Data(tensor.Handle);

    /// <summary>A contiguous fp32 CPU tensor's values.</summary>
    public static Span<float> Span(Tensor tensor) => new(Floats(tensor), checked((int)tensor.numel()));

    /// <summary>An uninitialised fp32 CPU tensor.</summary>
    public static Tensor Empty(params ReadOnlySpan<long> shape) => torch.empty(shape, ScalarType.Float32);

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint Data(nint tensor);
}
