namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// What every width computes, one output and one step at a time: integer sums are exact, and single-precision operations are these in this order, so that all widths,
/// one row or many, agree to the last bit. For tests.
/// </summary>
internal static unsafe class Scalar
{
    /// <summary>The product of one encoded row of activations with one output of a packed panel, continuing from <paramref name="sum"/>.</summary>
    public static float Product(QuantisedFormat format, byte* panel, int output, byte* a, int units, float sum)
    {
        int blocks = format.UnitSteps / QuantisedFormat.BlockSteps;
        for (int unit = 0; unit < units; unit++, panel += format.UnitBytes, a += blocks * Activations.BlockBytes)
        {
            sum = format.Storage == WeightStorage.Q4K ? SubScaled(panel, output, a, sum) : Scaled(format, panel, output, a, sum);
        }

        return sum;
    }

    /// <summary>Σ n·q of one block.</summary>
    public static int Dot(QuantisedFormat format, byte* unit, int block, int output, byte* a)
    {
        int sum = 0;
        for (int step = 0; step < QuantisedFormat.BlockSteps; step++)
        {
            int n = format.Storage == WeightStorage.Q8
                ? unit[(block * Q8Packing.BlockBytes) + (step / 4 * 64) + (output * 4) + (step % 4)]
                : Q4Packing.Nibble(unit + (block * Q4Packing.BlockBytes), output, step);
            sum += n * ((sbyte*)a)[step];
        }

        return sum;
    }

    private static float Scaled(QuantisedFormat format, byte* unit, int output, byte* a, float sum)
    {
        for (int block = 0; block < 2; block++, a += Activations.BlockBytes)
        {
            ushort* scales = format.Storage == WeightStorage.Q8 ? Q8Packing.Scales(unit, block) : Q4Packing.Scales(unit, block);
            int dot = Dot(format, unit, block, output, a) - *(int*)(a + Activations.CorrectionAt);
            sum = MathF.FusedMultiplyAdd(HalfBits.ToSingle(scales[output]), dot * *(float*)(a + Activations.ScaleAt), sum);
        }

        return sum;
    }

    private static float SubScaled(byte* unit, int output, byte* a, float sum)
    {
        ushort* factors = Q4KPacking.Factors(unit);
        float d = HalfBits.ToSingle(factors[output]), e = HalfBits.ToSingle(factors[QuantisedFormat.PanelRows + output]);
        float scale = *(float*)(a + Activations.ScaleAt);
        int total = 0;
        for (int block = 0; block < Q4KPacking.Blocks; block++, a += Activations.BlockBytes)
        {
            total += Q4KPacking.Scale(unit, block)[output] * Dot(QuantisedFormat.Q4K, unit, block, output, a);
            sum = MathF.FusedMultiplyAdd(Q4KPacking.Minimum(unit, block)[output] * e, *(float*)(a + Activations.CorrectionAt), sum);
        }

        return MathF.FusedMultiplyAdd(d, total * scale, sum);
    }
}
