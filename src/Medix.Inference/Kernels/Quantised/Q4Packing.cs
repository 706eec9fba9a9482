namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// 4-bit symmetric blocks: value = scale · (n - 8), n in [0, 15]; the numbers of GGUF's Q4_0. A unit of 64 steps is 576 bytes:
/// <code>
/// 0    256 bytes   steps 0-31:  byte [pair j][output][i] = n of step 8j + i  |  n of step 8j + 4 + i &lt;&lt; 4
/// 256  256 bytes   steps 32-63
/// 512   64 bytes   scales, half precision: [block][output]
/// </code>
/// </summary>
internal static unsafe class Q4Packing
{
    public const int UnitSteps = 64;
    public const int UnitBytes = 576;
    public const int BlockBytes = 256;
    public const int Offset = 8;
    private const int Most = 15;

    public static void Encode(byte* unit, int row, float* values, float* importance)
    {
        byte* integers = stackalloc byte[QuantisedFormat.BlockSteps];
        for (int block = 0; block < 2; block++, values += QuantisedFormat.BlockSteps, importance += QuantisedFormat.BlockSteps)
        {
            ushort scale = HalfBits.Round(BlockFit.Symmetric(values, importance, Offset));
            BlockFit.Integers(values, HalfBits.ToSingle(scale), 0, Offset, Most, integers);
            Put(unit, row, block, integers, scale);
        }
    }

    public static void Decode(byte* unit, int row, float* target)
    {
        for (int step = 0; step < UnitSteps; step++)
        {
            int block = step / QuantisedFormat.BlockSteps;
            float scale = HalfBits.ToSingle(Scales(unit, block)[row]);
            target[step] = scale * (Nibble(unit + (block * BlockBytes), row, step % QuantisedFormat.BlockSteps) - Offset);
        }
    }

    /// <summary>Stores one output's block: 32 numbers n in [0, 15] and the half-precision scale.</summary>
    public static void Put(byte* unit, int row, int block, byte* integers, ushort scale)
    {
        PutNibbles(unit + (block * BlockBytes), row, integers);
        Scales(unit, block)[row] = scale;
    }

    public static ushort* Scales(byte* unit, int block) => (ushort*)(unit + (2 * BlockBytes)) + (block * QuantisedFormat.PanelRows);

    public static void PutNibbles(byte* block, int row, byte* integers)
    {
        for (int pair = 0; pair < 4; pair++)
        {
            byte* target = block + (pair * 64) + (row * 4);
            for (int i = 0; i < 4; i++)
            {
                target[i] = (byte)(integers[(pair * 8) + i] | (integers[(pair * 8) + 4 + i] << 4));
            }
        }
    }

    public static int Nibble(byte* block, int row, int step) =>
        (block[(step / 8 * 64) + (row * 4) + (step % 4)] >> (step % 8 < 4 ? 0 : 4)) & 15;
}
