namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// 4-bit blocks with sub-scales: value = d·s·n - e·m, with n in [0, 15], bytes s and m for each block of 32, and half-precision d and e for each 256 steps; every number
/// of GGUF's Q4_K can be kept here (its s and m have six bits). The minimum follows lopsided blocks, and a product applies s in integers. A unit of 256 steps
/// is 2,368 bytes:
/// <code>
/// 0     8 x 256 bytes   numbers n of block b, as in <see cref="Q4Packing"/>
/// 2048  8 x 16 bytes    s [block][output]
/// 2176  8 x 16 bytes    m [block][output]
/// 2304  32 bytes        d [output], half precision
/// 2336  32 bytes        e [output], half precision
/// </code>
/// </summary>
internal static unsafe class Q4KPacking
{
    public const int UnitSteps = 256;
    public const int UnitBytes = 2368;
    public const int Blocks = 8;
    public const int ScalesAt = Blocks * Q4Packing.BlockBytes;
    public const int MinimaAt = ScalesAt + (Blocks * QuantisedFormat.PanelRows);
    public const int FactorsAt = MinimaAt + (Blocks * QuantisedFormat.PanelRows);
    private const int MostScale = 255;
    private const int Most = 15;

    public static void Encode(byte* unit, int row, float* values, float* importance)
    {
        float* scales = stackalloc float[Blocks];
        float* minima = stackalloc float[Blocks];
        float largestScale = 0, largestMinimum = 0;
        for (int block = 0; block < Blocks; block++)
        {
            int at = block * QuantisedFormat.BlockSteps;
            (scales[block], minima[block]) = BlockFit.Affine(values + at, importance + at, Most);
            largestScale = MathF.Max(largestScale, scales[block]);
            largestMinimum = MathF.Max(largestMinimum, minima[block]);
        }

        ushort d = HalfBits.Round(largestScale / MostScale), e = HalfBits.Round(largestMinimum / MostScale);
        PutFactors(unit, row, d, e);
        byte* integers = stackalloc byte[QuantisedFormat.BlockSteps];
        for (int block = 0; block < Blocks; block++)
        {
            byte s = Multiple(scales[block], HalfBits.ToSingle(d)), m = Multiple(minima[block], HalfBits.ToSingle(e));
            BlockFit.Integers(
                values + (block * QuantisedFormat.BlockSteps), HalfBits.ToSingle(d) * s, HalfBits.ToSingle(e) * m, 0, Most, integers);
            Put(unit, row, block, integers, s, m);
        }
    }

    public static void Decode(byte* unit, int row, float* target)
    {
        ushort* factors = Factors(unit);
        float d = HalfBits.ToSingle(factors[row]), e = HalfBits.ToSingle(factors[QuantisedFormat.PanelRows + row]);
        for (int step = 0; step < UnitSteps; step++)
        {
            int block = step / QuantisedFormat.BlockSteps;
            int n = Q4Packing.Nibble(unit + (block * Q4Packing.BlockBytes), row, step % QuantisedFormat.BlockSteps);
            target[step] = (d * Scale(unit, block)[row] * n) - (e * Minimum(unit, block)[row]);
        }
    }

    /// <summary>Stores one output's block: 32 numbers n in [0, 15] and the multiples s and m.</summary>
    public static void Put(byte* unit, int row, int block, byte* integers, byte s, byte m)
    {
        Q4Packing.PutNibbles(unit + (block * Q4Packing.BlockBytes), row, integers);
        Scale(unit, block)[row] = s;
        Minimum(unit, block)[row] = m;
    }

    /// <summary>Stores one output's factors d and e of a unit, in half precision.</summary>
    public static void PutFactors(byte* unit, int row, ushort d, ushort e)
    {
        Factors(unit)[row] = d;
        Factors(unit)[QuantisedFormat.PanelRows + row] = e;
    }

    public static byte* Scale(byte* unit, int block) => unit + ScalesAt + (block * QuantisedFormat.PanelRows);

    public static byte* Minimum(byte* unit, int block) => unit + MinimaAt + (block * QuantisedFormat.PanelRows);

    public static ushort* Factors(byte* unit) => (ushort*)(unit + FactorsAt);

    private static byte Multiple(float value, float factor) => factor == 0 ? (byte)0 : (byte)Math.Clamp(MathF.Round(value / factor), 0, MostScale);
}
