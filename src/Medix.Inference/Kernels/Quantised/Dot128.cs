using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Exact integer sums of one block for the four outputs whose lanes begin at <c>w</c>; groups of four steps are 64 bytes apart.</summary>
internal unsafe interface IDot128
{
    /// <summary>Packed 4-bit numbers: two groups in 64 bytes.</summary>
    static abstract Vector128<int> Packed(byte* w, byte* a);

    /// <summary>4-bit numbers, a byte each.</summary>
    static abstract Vector128<int> Unpacked(byte* w, byte* a);

    /// <summary>8-bit numbers, the correction taken off already.</summary>
    static abstract Vector128<int> Bytes(byte* w, byte* a);
}

/// <summary>Any machine with 128-bit vectors: products in 16 bits.</summary>
internal readonly unsafe struct PortableDot : IDot128
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Packed(byte* w, byte* a)
    {
        Sums sums = default;
        for (int pair = 0; pair < 4; pair++)
        {
            Vector128<byte> v = Vector128.Load(w + (pair * 64));
            sums.Add(Low(v), a + (pair * 8));
            sums.Add(High(v), a + (pair * 8) + 4);
        }

        return sums.Whole();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Unpacked(byte* w, byte* a)
    {
        Sums sums = default;
        for (int group = 0; group < 8; group++)
        {
            sums.Add(Vector128.Load(w + (group * 64)), a + (group * 4));
        }

        return sums.Whole();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Bytes(byte* w, byte* a)
    {
        Sums low = default, high = default;
        for (int group = 0; group < 8; group++)
        {
            Vector128<byte> v = Vector128.Load(w + (group * 64));
            low.Add(Low(v), a + (group * 4));
            high.Add(High(v), a + (group * 4));
        }

        return low.Whole() + (high.Whole() << 4) - Vector128.Create(*(int*)(a + Activations.CorrectionAt));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Low(Vector128<byte> v) => v & Vector128.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> High(Vector128<byte> v) => v >> 4;

    /// <summary>Sums of every fourth product, [output][4], in 16 bits: 8 groups of numbers up to 15 and activations up to 127 fit.</summary>
    private struct Sums
    {
        private Vector128<short> first, second;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(Vector128<byte> w, byte* a)
        {
            Vector128<short> x = Vector128.WidenLower(Vector128.Create(*(int*)a).AsSByte());
            first += Vector128.WidenLower(w).AsInt16() * x;
            second += Vector128.WidenUpper(w).AsInt16() * x;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector128<int> Whole()
        {
            Vector128<int> one = Pairs(first), two = Pairs(second);
            return Vector128.Create(one.GetLower(), two.GetLower()) + Vector128.Create(one.GetUpper(), two.GetUpper());
        }

        /// <summary>Sums of two neighbours, the first of each output and then the second of each.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<int> Pairs(Vector128<short> sums)
        {
            Vector128<int> pairs = ((sums.AsInt32() << 16) >> 16) + (sums.AsInt32() >> 16);
            return Vector128.Shuffle(pairs, Vector128.Create(0, 2, 1, 3));
        }
    }
}
