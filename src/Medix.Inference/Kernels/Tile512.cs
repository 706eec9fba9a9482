using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Medix.Inference.Kernels.Quantised;

namespace Medix.Inference.Kernels;

/// <summary>How weights are stored, for 512-bit vectors.</summary>
internal unsafe interface IWeights512
{
    static abstract int Size { get; }

    static abstract Vector512<float> Load(byte* weights);
}

internal unsafe struct Float32Weights512 : IWeights512
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* weights) => Vector512.Load((float*)weights);
}

/// <summary>A bfloat16 is the upper half of a float.</summary>
internal unsafe struct BFloat16Weights512 : IWeights512
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* weights) => (Vector512.WidenLower(Vector256.Load((ushort*)weights).ToVector512Unsafe()) << 16).AsSingle();
}

/// <summary>Half-precision numbers, by <see cref="HalfBits"/>.</summary>
internal unsafe struct Float16Weights512 : IWeights512
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* weights) => HalfBits.ToSingle(Vector512.WidenLower(Vector256.Load((short*)weights).ToVector512Unsafe()));
}

/// <summary>Signed integers of 8 bits.</summary>
internal unsafe struct Int8Weights512 : IWeights512
{
    public static int Size => sizeof(sbyte);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* weights) => Vector512.ConvertToSingle(
        Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)weights))
            : Vector512.WidenLower(Vector256.WidenLower(Vector128.Load((sbyte*)weights).ToVector256Unsafe()).ToVector512Unsafe()));
}

/// <summary>The 8 x 48 register tile: 24 accumulators, 3 vectors of weights and one broadcast fill 28 of the 32 registers.</summary>
internal static unsafe class Tile512
{
    private const int Lanes = 16;
    private const int PanelVectors = 3;
    private const int Line = 64;

    public static void Multiply<TWeights>(in Tile tile)
        where TWeights : struct, IWeights512
    {
        switch (tile.Vectors)
        {
            case 1: MultiplyRows<TWeights, N1>(tile); break;
            case 2: MultiplyRows<TWeights, N2>(tile); break;
            default: MultiplyRows<TWeights, N3>(tile); break;
        }
    }

    private static void MultiplyRows<TWeights, TVectors>(in Tile tile)
        where TWeights : struct, IWeights512
        where TVectors : struct, ICount
    {
        switch (tile.Rows)
        {
            case 1: Multiply<TWeights, TVectors, N1>(tile); break;
            case 2: Multiply<TWeights, TVectors, N2>(tile); break;
            case 3: Multiply<TWeights, TVectors, N3>(tile); break;
            case 4: Multiply<TWeights, TVectors, N4>(tile); break;
            case 5: Multiply<TWeights, TVectors, N5>(tile); break;
            case 6: Multiply<TWeights, TVectors, N6>(tile); break;
            case 7: Multiply<TWeights, TVectors, N7>(tile); break;
            default: Multiply<TWeights, TVectors, N8>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TWeights, TVectors, TRows>(in Tile tile)
        where TWeights : struct, IWeights512
        where TVectors : struct, ICount
        where TRows : struct, ICount
    {
        Row r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default, r6 = default, r7 = default;
        nint ldc = tile.CStride;
        float* c = tile.C;
        if (tile.Accumulate)
        {
            r0 = Row.Load<TVectors>(c);
            if (TRows.Value > 1) { r1 = Row.Load<TVectors>(c + ldc); }
            if (TRows.Value > 2) { r2 = Row.Load<TVectors>(c + (2 * ldc)); }
            if (TRows.Value > 3) { r3 = Row.Load<TVectors>(c + (3 * ldc)); }
            if (TRows.Value > 4) { r4 = Row.Load<TVectors>(c + (4 * ldc)); }
            if (TRows.Value > 5) { r5 = Row.Load<TVectors>(c + (5 * ldc)); }
            if (TRows.Value > 6) { r6 = Row.Load<TVectors>(c + (6 * ldc)); }
            if (TRows.Value > 7) { r7 = Row.Load<TVectors>(c + (7 * ldc)); }
        }

        nint row = tile.RowStride, row3 = 3 * row, step = tile.StepStride, panelStride = tile.PanelStride;
        float* a = tile.A;
        float* a4 = a + (4 * row);
        byte* panel = tile.Panel;
        nint ahead = tile.Ahead;
        for (int k = tile.Steps; k > 0; k--)
        {
            Row w = Row.LoadWeights<TWeights, TVectors>(panel);
            if (TRows.Value <= Tile.MostRowsAhead)
            {
                AskFor<TWeights>(panel + ahead);
            }

            panel += panelStride;
            r0 = r0.Add<TVectors>(*a, w);
            if (TRows.Value > 1) { r1 = r1.Add<TVectors>(a[row], w); }
            if (TRows.Value > 2) { r2 = r2.Add<TVectors>(a[2 * row], w); }
            if (TRows.Value > 3) { r3 = r3.Add<TVectors>(a[row3], w); }
            if (TRows.Value > 4) { r4 = r4.Add<TVectors>(*a4, w); }
            if (TRows.Value > 5) { r5 = r5.Add<TVectors>(a4[row], w); }
            if (TRows.Value > 6) { r6 = r6.Add<TVectors>(a4[2 * row], w); }
            if (TRows.Value > 7) { r7 = r7.Add<TVectors>(a4[row3], w); }
            a += step;
            a4 += step;
        }

        r0.Store<TVectors>(c);
        if (TRows.Value > 1) { r1.Store<TVectors>(c + ldc); }
        if (TRows.Value > 2) { r2.Store<TVectors>(c + (2 * ldc)); }
        if (TRows.Value > 3) { r3.Store<TVectors>(c + (3 * ldc)); }
        if (TRows.Value > 4) { r4.Store<TVectors>(c + (4 * ldc)); }
        if (TRows.Value > 5) { r5.Store<TVectors>(c + (5 * ldc)); }
        if (TRows.Value > 6) { r6.Store<TVectors>(c + (6 * ldc)); }
        if (TRows.Value > 7) { r7.Store<TVectors>(c + (7 * ldc)); }
    }

    /// <summary>Asks for a row of a full panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AskFor<TWeights>(byte* row)
        where TWeights : struct, IWeights512
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(row);
            if (PanelVectors * Lanes * TWeights.Size > Line) { Sse.Prefetch0(row + Line); }
            if (PanelVectors * Lanes * TWeights.Size > 2 * Line) { Sse.Prefetch0(row + (2 * Line)); }
        }
    }

    /// <summary>Up to three vectors side by side; the compiler keeps them in registers.</summary>
    private struct Row
    {
        private Vector512<float> v0, v1, v2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Row Load<TVectors>(float* p)
            where TVectors : struct, ICount => LoadWeights<Float32Weights512, TVectors>((byte*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Row LoadWeights<TWeights, TVectors>(byte* p)
            where TWeights : struct, IWeights512
            where TVectors : struct, ICount
        {
            Row row = default;
            row.v0 = TWeights.Load(p);
            if (TVectors.Value > 1) { row.v1 = TWeights.Load(p + (Lanes * TWeights.Size)); }
            if (TVectors.Value > 2) { row.v2 = TWeights.Load(p + (2 * Lanes * TWeights.Size)); }
            return row;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Row Add<TVectors>(float value, Row weights)
            where TVectors : struct, ICount
        {
            Row sum = this;
            Vector512<float> x = Vector512.Create(value);
            sum.v0 = Vector512.FusedMultiplyAdd(x, weights.v0, v0);
            if (TVectors.Value > 1) { sum.v1 = Vector512.FusedMultiplyAdd(x, weights.v1, v1); }
            if (TVectors.Value > 2) { sum.v2 = Vector512.FusedMultiplyAdd(x, weights.v2, v2); }
            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store<TVectors>(float* p)
            where TVectors : struct, ICount
        {
            v0.Store(p);
            if (TVectors.Value > 1) { v1.Store(p + Lanes); }
            if (TVectors.Value > 2) { v2.Store(p + (2 * Lanes)); }
        }
    }
}
