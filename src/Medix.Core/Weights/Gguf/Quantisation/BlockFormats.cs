namespace Medix.Weights.Gguf.Quantisation;

/// <summary>Every kind of tensor that GGUF files of today hold.</summary>
public static class BlockFormats
{
    /// <summary>Single precision.</summary>
    public static BlockFormat F32 { get; } = new(0, "F32", 1, 4) { Decoder = FloatBlocks.DecodeF32, Encoder = FloatBlocks.EncodeF32 };

    /// <summary>IEEE half precision.</summary>
    public static BlockFormat F16 { get; } = new(1, "F16", 1, 2) { Decoder = FloatBlocks.DecodeF16, Encoder = FloatBlocks.EncodeF16 };

    /// <summary>bfloat16.</summary>
    public static BlockFormat BF16 { get; } = new(30, "BF16", 1, 2) { Decoder = FloatBlocks.DecodeBF16, Encoder = FloatBlocks.EncodeBF16 };

    /// <summary>4 bits, one scale for 32 values.</summary>
    public static BlockFormat Q40 { get; } = new(2, "Q4_0", 32, 18) { Decoder = FourBitBlocks.DecodeSymmetric, Encoder = FourBitBlocks.EncodeSymmetric };

    /// <summary>4 bits, one scale and minimum for 32 values.</summary>
    public static BlockFormat Q41 { get; } = new(3, "Q4_1", 32, 20) { Decoder = FourBitBlocks.DecodeAffine, Encoder = FourBitBlocks.EncodeAffine };

    /// <summary>5 bits, one scale for 32 values.</summary>
    public static BlockFormat Q50 { get; } = new(6, "Q5_0", 32, 22) { Decoder = FiveBitBlocks.DecodeSymmetric, Encoder = FiveBitBlocks.EncodeSymmetric };

    /// <summary>5 bits, one scale and minimum for 32 values.</summary>
    public static BlockFormat Q51 { get; } = new(7, "Q5_1", 32, 24) { Decoder = FiveBitBlocks.DecodeAffine, Encoder = FiveBitBlocks.EncodeAffine };

    /// <summary>8 bits, one scale for 32 values.</summary>
    public static BlockFormat Q80 { get; } = new(8, "Q8_0", 32, 34) { Decoder = EightBitBlocks.Decode, Encoder = EightBitBlocks.Encode };

    /// <summary>4 bits, a 6-bit scale and minimum for 32 of 256 values.</summary>
    public static BlockFormat Q4K { get; } = new(12, "Q4_K", 256, 144) { Decoder = AffineSuperBlocks.DecodeFourBit, Encoder = AffineSuperBlocks.EncodeFourBit };

    /// <summary>5 bits, a 6-bit scale and minimum for 32 of 256 values.</summary>
    public static BlockFormat Q5K { get; } = new(13, "Q5_K", 256, 176) { Decoder = AffineSuperBlocks.DecodeFiveBit, Encoder = AffineSuperBlocks.EncodeFiveBit };

    /// <summary>6 bits, an 8-bit scale for 16 of 256 values.</summary>
    public static BlockFormat Q6K { get; } = new(14, "Q6_K", 256, 210) { Decoder = SixBitSuperBlocks.Decode, Encoder = SixBitSuperBlocks.Encode };

    /// <summary>All kinds, in the order of their numbers.</summary>
    public static IReadOnlyList<BlockFormat> All { get; } =
    [
        .. ((BlockFormat[])
        [
            F32, F16, BF16, Q40, Q41, Q50, Q51, Q80, Q4K, Q5K, Q6K,
            new(10, "Q2_K", 256, 84) { Decoder = LowBitSuperBlocks.DecodeTwoBit },
            new(11, "Q3_K", 256, 110) { Decoder = LowBitSuperBlocks.DecodeThreeBit },
            new(20, "IQ4_NL", 32, 18) { Decoder = NonLinearBlocks.Decode },
            new(23, "IQ4_XS", 256, 136) { Decoder = NonLinearBlocks.DecodeSuper },
            new(9, "Q8_1", 32, 36), new(15, "Q8_K", 256, 292), new(16, "IQ2_XXS", 256, 66), new(17, "IQ2_XS", 256, 74), new(18, "IQ3_XXS", 256, 98),
            new(19, "IQ1_S", 256, 50), new(21, "IQ3_S", 256, 110), new(22, "IQ2_S", 256, 82), new(29, "IQ1_M", 256, 56),
            new(24, "I8", 1, 1), new(25, "I16", 1, 2), new(26, "I32", 1, 4), new(27, "I64", 1, 8), new(28, "F64", 1, 8),
            new(34, "TQ1_0", 256, 54), new(35, "TQ2_0", 256, 66), new(39, "MXFP4", 32, 17), new(40, "NVFP4", 64, 36), new(41, "Q1_0", 128, 18),
        ]).OrderBy(format => format.Id),
    ];

    /// <summary>Names of the kinds whose values can be read.</summary>
    public static string Readable => string.Join(", ", All.Where(format => format.CanRead).Select(format => format.Name));

    /// <summary>Names of the kinds that can be written.</summary>
    public static string Writable => string.Join(", ", All.Where(format => format.CanWrite).Select(format => format.Name));

    /// <summary>The kind of this number, or null.</summary>
    public static BlockFormat? Find(int id) => All.FirstOrDefault(format => format.Id == id);

    /// <summary>The kind of this name in any case, or null.</summary>
    public static BlockFormat? Find(string name) => All.FirstOrDefault(format => format.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
