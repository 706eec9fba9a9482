using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>The numbers of one unpacked block for 16 outputs, a vector for each group of four steps; the compiler keeps them in registers.</summary>
internal readonly unsafe struct Numbers512
{
    private readonly Vector512<byte> w0, w1, w2, w3, w4, w5, w6, w7;

    /// <summary>Loads 8 vectors, <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Numbers512(byte* block, int stride)
    {
        w0 = Vector512.Load(block);
        w1 = Vector512.Load(block + stride);
        w2 = Vector512.Load(block + (2 * stride));
        w3 = Vector512.Load(block + (3 * stride));
        w4 = Vector512.Load(block + (4 * stride));
        w5 = Vector512.Load(block + (5 * stride));
        w6 = Vector512.Load(block + (6 * stride));
        w7 = Vector512.Load(block + (7 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Numbers512(Vector512<byte> v0, Vector512<byte> v1, Vector512<byte> v2, Vector512<byte> v3)
    {
        (w0, w1, w2, w3) = (Dot512.Low(v0), Dot512.High(v0), Dot512.Low(v1), Dot512.High(v1));
        (w4, w5, w6, w7) = (Dot512.Low(v2), Dot512.High(v2), Dot512.Low(v3), Dot512.High(v3));
    }

    /// <summary>Takes a packed block of 4-bit numbers apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Numbers512 Unpack(byte* packed) =>
        new(Vector512.Load(packed), Vector512.Load(packed + 64), Vector512.Load(packed + 128), Vector512.Load(packed + 192));

    /// <summary>Sums of pairs with one row's activations, see <see cref="Dot512"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<short> Pairs(byte* a) => Dot512.Pairs(w0, w1, w2, w3, w4, w5, w6, w7, a);
}
