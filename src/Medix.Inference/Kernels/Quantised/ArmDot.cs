using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Arm's dot product instruction: four byte products added to each 32-bit lane.</summary>
internal readonly unsafe struct ArmDot : IDot128
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Packed(byte* w, byte* a)
    {
        Vector128<sbyte> x = Vector128.Load((sbyte*)a), y = Vector128.Load((sbyte*)a + 16);
        Vector128<byte> v0 = Vector128.Load(w), v1 = Vector128.Load(w + 64), v2 = Vector128.Load(w + 128), v3 = Vector128.Load(w + 192);
        Vector128<int> even = Dp.DotProductBySelectedQuadruplet(Vector128<int>.Zero, Low(v0), x, 0);
        Vector128<int> odd = Dp.DotProductBySelectedQuadruplet(Vector128<int>.Zero, High(v0), x, 1);
        even = Dp.DotProductBySelectedQuadruplet(even, Low(v1), x, 2);
        odd = Dp.DotProductBySelectedQuadruplet(odd, High(v1), x, 3);
        even = Dp.DotProductBySelectedQuadruplet(even, Low(v2), y, 0);
        odd = Dp.DotProductBySelectedQuadruplet(odd, High(v2), y, 1);
        even = Dp.DotProductBySelectedQuadruplet(even, Low(v3), y, 2);
        odd = Dp.DotProductBySelectedQuadruplet(odd, High(v3), y, 3);
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Unpacked(byte* w, byte* a) => Groups(w, a, Vector128<byte>.Zero);

    /// <summary>Numbers less 128 are signed bytes, and their sum needs no correction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Bytes(byte* w, byte* a) => Groups(w, a, Vector128.Create((byte)Q8Packing.Offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Groups(byte* w, byte* a, Vector128<byte> flip)
    {
        Vector128<sbyte> x = Vector128.Load((sbyte*)a), y = Vector128.Load((sbyte*)a + 16);
        Vector128<int> even = Dp.DotProductBySelectedQuadruplet(Vector128<int>.Zero, Group(w, flip), x, 0);
        Vector128<int> odd = Dp.DotProductBySelectedQuadruplet(Vector128<int>.Zero, Group(w + 64, flip), x, 1);
        even = Dp.DotProductBySelectedQuadruplet(even, Group(w + 128, flip), x, 2);
        odd = Dp.DotProductBySelectedQuadruplet(odd, Group(w + 192, flip), x, 3);
        even = Dp.DotProductBySelectedQuadruplet(even, Group(w + 256, flip), y, 0);
        odd = Dp.DotProductBySelectedQuadruplet(odd, Group(w + 320, flip), y, 1);
        even = Dp.DotProductBySelectedQuadruplet(even, Group(w + 384, flip), y, 2);
        odd = Dp.DotProductBySelectedQuadruplet(odd, Group(w + 448, flip), y, 3);
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Group(byte* w, Vector128<byte> flip) => (Vector128.Load(w) ^ flip).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Low(Vector128<byte> v) => (v & Vector128.Create((byte)15)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> High(Vector128<byte> v) => (v >> 4).AsSByte();
}
