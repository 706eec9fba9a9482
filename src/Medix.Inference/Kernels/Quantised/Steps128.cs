using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>The single-precision steps of 128-bit kernels; the order of operations is that of <see cref="Scalar"/>.</summary>
internal static unsafe class Steps128
{
    public const int Lanes = 4;
    public const int QuarterBytes = 16;

    /// <summary>sum + scale · dot · the activations' scale, the dot being corrected already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> sum, Vector128<int> dot, Vector128<float> scale, byte* a) =>
        Vector128.FusedMultiplyAdd(scale, Vector128.ConvertToSingle(dot) * Vector128.Create(*(float*)(a + Activations.ScaleAt)), sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Correction(byte* a) => Vector128.Create(*(int*)(a + Activations.CorrectionAt));

    /// <summary>sum + minimum · (-the activations' scale · their sum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddMinimum(Vector128<float> sum, Vector128<float> minimum, byte* a) =>
        Vector128.FusedMultiplyAdd(minimum, Vector128.Create(*(float*)(a + Activations.CorrectionAt)), sum);

    /// <summary>4 half-precision scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Scales(ushort* halves) => HalfBits.ToSingle(Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)halves).AsInt16()));

    /// <summary>4 bytes as integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Widen(byte* bytes) =>
        Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(*(uint*)bytes).AsByte())).AsInt32();
}
