using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Medix.Inference.Kernels.Quantised;

namespace Medix.Inference.Kernels;

/// <summary>How weights are stored, for 256-bit vectors.</summary>
internal unsafe interface IWeights256
{
    static abstract int Size { get; }

    static abstract Vector256<float> Load(byte* weights);
}

internal unsafe struct Float32Weights256 : IWeights256
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* weights) => Vector256.Load((float*)weights);
}

/// <summary>A bfloat16 is the upper half of a float.</summary>
internal unsafe struct BFloat16Weights256 : IWeights256
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* weights) => (Vector256.WidenLower(Vector128.Load((ushort*)weights).ToVector256Unsafe()) << 16).AsSingle();
}

/// <summary>Half-precision numbers, by <see cref="HalfBits"/>.</summary>
internal unsafe struct Float16Weights256 : IWeights256
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* weights) => HalfBits.ToSingle(Vector256.WidenLower(Vector128.Load((short*)weights).ToVector256Unsafe()));
}

/// <summary>Signed integers of 8 bits.</summary>
internal unsafe struct Int8Weights256 : IWeights256
{
    public static int Size => sizeof(sbyte);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* weights) => Vector256.ConvertToSingle(
        Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32((sbyte*)weights)
            : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load((sbyte*)weights).ToVector128Unsafe()).ToVector256Unsafe()));
}

/// <summary>The 6 x 16 register tile: 12 accumulators, 2 vectors of weights and one broadcast fill 15 of the 16 registers.</summary>
internal static unsafe class Tile256
{
    private const int Lanes = 8;

    public static void Multiply<TWeights>(in Tile tile)
        where TWeights : struct, IWeights256
    {
        switch (tile.Vectors)
        {
            case 1: MultiplyRows<TWeights, N1>(tile); break;
            default: MultiplyRows<TWeights, N2>(tile); break;
        }
    }

    private static void MultiplyRows<TWeights, TVectors>(in Tile tile)
        where TWeights : struct, IWeights256
        where TVectors : struct, ICount
    {
        switch (tile.Rows)
        {
            case 1: Multiply<TWeights, TVectors, N1>(tile); break;
            case 2: Multiply<TWeights, TVectors, N2>(tile); break;
            case 3: Multiply<TWeights, TVectors, N3>(tile); break;
            case 4: Multiply<TWeights, TVectors, N4>(tile); break;
            case 5: Multiply<TWeights, TVectors, N5>(tile); break;
            default: Multiply<TWeights, TVectors, N6>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TWeights, TVectors, TRows>(in Tile tile)
        where TWeights : struct, IWeights256
        where TVectors : struct, ICount
        where TRows : struct, ICount
    {
        Row r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default;
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
        }

        nint row = tile.RowStride, row3 = 3 * row, step = tile.StepStride, panelStride = tile.PanelStride;
        float* a = tile.A;
        float* a4 = a + (4 * row);
        byte* panel = tile.Panel;
        nint ahead = tile.Ahead;
        for (int k = tile.Steps; k > 0; k--)
        {
            Row w = Row.LoadWeights<TWeights, TVectors>(panel);
            if (TRows.Value <= Tile.MostRowsAhead && Sse.IsSupported)
            {
                // A row of a full panel is at most a line.
                Sse.Prefetch0(panel + ahead);
            }

            panel += panelStride;
            r0 = r0.Add<TVectors>(*a, w);
            if (TRows.Value > 1) { r1 = r1.Add<TVectors>(a[row], w); }
            if (TRows.Value > 2) { r2 = r2.Add<TVectors>(a[2 * row], w); }
            if (TRows.Value > 3) { r3 = r3.Add<TVectors>(a[row3], w); }
            if (TRows.Value > 4) { r4 = r4.Add<TVectors>(*a4, w); }
            if (TRows.Value > 5) { r5 = r5.Add<TVectors>(a4[row], w); }
            a += step;
            a4 += step;
        }

        r0.Store<TVectors>(c);
        if (TRows.Value > 1) { r1.Store<TVectors>(c + ldc); }
        if (TRows.Value > 2) { r2.Store<TVectors>(c + (2 * ldc)); }
        if (TRows.Value > 3) { r3.Store<TVectors>(c + (3 * ldc)); }
        if (TRows.Value > 4) { r4.Store<TVectors>(c + (4 * ldc)); }
        if (TRows.Value > 5) { r5.Store<TVectors>(c + (5 * ldc)); }
    }

    /// <summary>Up to two vectors side by side; the compiler keeps them in registers.</summary>
    private struct Row
    {
        private Vector256<float> v0, v1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Row Load<TVectors>(float* p)
            where TVectors : struct, ICount => LoadWeights<Float32Weights256, TVectors>((byte*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Row LoadWeights<TWeights, TVectors>(byte* p)
            where TWeights : struct, IWeights256
            where TVectors : struct, ICount
        {
            Row row = default;
            row.v0 = TWeights.Load(p);
            if (TVectors.Value > 1) { row.v1 = TWeights.Load(p + (Lanes * TWeights.Size)); }
            return row;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Row Add<TVectors>(float value, Row weights)
            where TVectors : struct, ICount
        {
            Row sum = this;
            Vector256<float> x = Vector256.Create(value);
            sum.v0 = Vector256.FusedMultiplyAdd(x, weights.v0, v0);
            if (TVectors.Value > 1) { sum.v1 = Vector256.FusedMultiplyAdd(x, weights.v1, v1); }
            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store<TVectors>(float* p)
            where TVectors : struct, ICount
        {
            v0.Store(p);
            if (TVectors.Value > 1) { v1.Store(p + Lanes); }
        }
    }
}
