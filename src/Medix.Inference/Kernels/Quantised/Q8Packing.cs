namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// 8-bit symmetric blocks: value = scale · (n - 128), n in [1, 255]; the numbers of GGUF's Q8_0, stored unsigned as byte products want them. A unit of 64 steps is
/// 1,088 bytes:
/// <code>
/// 0     512 bytes   steps 0-31:  byte [group g][output][i] = n of step 4g + i
/// 512   512 bytes   steps 32-63
/// 1024   64 bytes   scales, half precision: [block][output]
/// </code>
/// </summary>
internal static unsafe class Q8Packing
{
    public const int UnitSteps = 64;
    public const int UnitBytes = 1088;
    public const int BlockBytes = 512;
    public const int Offset = 128;
    private const int Most = 127;

    public static void Encode(byte* unit, int row, float* values, float* importance)
    {
        byte* integers = stackalloc byte[QuantisedFormat.BlockSteps];
        for (int block = 0; block < 2; block++, values += QuantisedFormat.BlockSteps)
        {
            ushort scale = HalfBits.Round(MathF.Abs(BlockFit.Extreme(values)) / Most);
            BlockFit.Integers(values, HalfBits.ToSingle(scale), 0, Offset, Offset + Most, integers);
            Put(unit, row, block, integers, scale);
        }
    }

    public static void Decode(byte* unit, int row, float* target)
    {
        for (int step = 0; step < UnitSteps; step++)
        {
            int block = step / QuantisedFormat.BlockSteps, inside = step % QuantisedFormat.BlockSteps;
            int n = unit[(block * BlockBytes) + (inside / 4 * 64) + (row * 4) + (inside % 4)];
            target[step] = HalfBits.ToSingle(Scales(unit, block)[row]) * (n - Offset);
        }
    }

    /// <summary>Stores one output's block: 32 numbers n and the half-precision scale.</summary>
    public static void Put(byte* unit, int row, int block, byte* integers, ushort scale)
    {
        byte* target = unit + (block * BlockBytes) + (row * 4);
        for (int step = 0; step < QuantisedFormat.BlockSteps; step++)
        {
            target[(step / 4 * 64) + (step % 4)] = integers[step];
        }

        Scales(unit, block)[row] = scale;
    }

    public static ushort* Scales(byte* unit, int block) => (ushort*)(unit + (2 * BlockBytes)) + (block * QuantisedFormat.PanelRows);
}
