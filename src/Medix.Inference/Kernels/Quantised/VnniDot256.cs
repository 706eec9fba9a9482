using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Integer sums with AVX-VNNI: one instruction multiplies and adds up four bytes in 32 bits, so that 8-bit numbers need no halves.</summary>
internal readonly unsafe struct VnniDot256 : IDot256
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Nibbles(byte* packed, byte* a)
    {
        Vector256<int> low = default, high = default;
        for (int pair = 0; pair < 4; pair++)
        {
            Vector256<byte> v = Vector256.Load(packed + (pair * 64));
            low = Add(low, Dot256.Low(v), a + (pair * 8));
            high = Add(high, Dot256.High(v), a + (pair * 8) + 4);
        }

        return low + high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bytes(byte* w, byte* a)
    {
        Vector256<int> even = default, odd = default;
        for (int pair = 0; pair < 4; pair++)
        {
            even = Add(even, Vector256.Load(w + (pair * 128)), a + (pair * 8));
            odd = Add(odd, Vector256.Load(w + (pair * 128) + 64), a + (pair * 8) + 4);
        }

        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows256 Scaled<TRows>(byte* w, byte* a, nint l, Vector256<short> scale)
        where TRows : struct, ICount
    {
        Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default, once = scale.AsInt32() & Vector256.Create(0xFFFF);
        for (int group = 0; group < 8; group++, w += 64, a += 4)
        {
            Vector256<byte> v = Vector256.Load(w);
            s0 = Add(s0, v, a);
            if (TRows.Value > 1) { s1 = Add(s1, v, a + l); }
            if (TRows.Value > 2) { s2 = Add(s2, v, a + (2 * l)); }
            if (TRows.Value > 3) { s3 = Add(s3, v, a + (3 * l)); }
        }

        return new Rows256 { S0 = s0 * once, S1 = s1 * once, S2 = s2 * once, S3 = s3 * once };
    }

    /// <summary>sum + a group's numbers · four activations of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> numbers, byte* a) => AvxVnni.MultiplyWideningAndAdd(sum, numbers, Dot256.Group(a));
}
