using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels;

/// <summary>
/// The register tile of one vector width: <c>C[rows, columns] (+)= A[rows, k] · panel[k, columns]</c>. An element of A is at
/// <c>a + row·RowStride + k·StepStride</c>, so rows and columns of A are
/// both read in place; row k of the panel is at <c>Panel + k·PanelStride</c> bytes.
/// </summary>
internal unsafe struct Tile
{
    /// <summary>More rows compute longer on a panel than memory takes to give the next.</summary>
    public const int MostRowsAhead = 4;

    public float* A;
    public nint RowStride;
    public nint StepStride;
    public byte* Panel;
    public nint PanelStride;
    public float* C;
    public nint CStride;
    public int Steps;
    public int Rows;
    public int Vectors;
    public bool Accumulate;

    /// <summary>How many bytes behind this panel lies what will be read next in the same order: a tile of few rows asks for it while it computes. 0 for nothing.</summary>
    public nint Ahead;
}

/// <summary>
/// The kernels of one vector width, chosen once by what the machine has. Every width and every tile height adds the products of one element of C in the
/// order of k, each with one rounding, so a row's result does not depend on the rows computed with it.
/// </summary>
internal sealed unsafe class KernelSet
{
    private KernelSet(string name, int lanes, int vectors, int rows)
    {
        Name = name;
        Lanes = lanes;
        PanelVectors = vectors;
        TileRows = rows;
    }

    /// <summary>Kernels for 512-bit vectors (AVX-512).</summary>
    public static KernelSet Width512 { get; } = new("512", 16, 3, 8)
    {
        MultiplyFloat32 = &Tile512.Multiply<Float32Weights512>,
        MultiplyBFloat16 = &Tile512.Multiply<BFloat16Weights512>,
        MultiplyFloat16 = &Tile512.Multiply<Float16Weights512>,
        MultiplyInt8 = &Tile512.Multiply<Int8Weights512>,
    };

    /// <summary>Kernels for 256-bit vectors (AVX2).</summary>
    public static KernelSet Width256 { get; } = new("256", 8, 2, 6)
    {
        MultiplyFloat32 = &Tile256.Multiply<Float32Weights256>,
        MultiplyBFloat16 = &Tile256.Multiply<BFloat16Weights256>,
        MultiplyFloat16 = &Tile256.Multiply<Float16Weights256>,
        MultiplyInt8 = &Tile256.Multiply<Int8Weights256>,
    };

    /// <summary>Kernels for 128-bit vectors (Arm, and anything portable).</summary>
    public static KernelSet Width128 { get; } = new("128", 4, 2, 6)
    {
        MultiplyFloat32 = &Tile128.Multiply<Float32Weights128>,
        MultiplyBFloat16 = &Tile128.Multiply<BFloat16Weights128>,
        MultiplyFloat16 = &Tile128.Multiply<Float16Weights128>,
        MultiplyInt8 = &Tile128.Multiply<Int8Weights128>,
    };

    /// <summary>The widest kernels that this machine runs in hardware.</summary>
    public static KernelSet Best { get; } =
        Vector512.IsHardwareAccelerated ? Width512 : Vector256.IsHardwareAccelerated ? Width256 : Width128;

    public string Name { get; }

    /// <summary>Numbers in a vector.</summary>
    public int Lanes { get; }

    /// <summary>Vectors in a row of a full panel.</summary>
    public int PanelVectors { get; }

    /// <summary>Rows of a full tile.</summary>
    public int TileRows { get; }

    public int PanelColumns => Lanes * PanelVectors;

    public delegate*<in Tile, void> MultiplyFloat32 { get; private init; }

    public delegate*<in Tile, void> MultiplyBFloat16 { get; private init; }

    /// <summary>Of half-precision numbers, infinities and NaN excepted.</summary>
    public delegate*<in Tile, void> MultiplyFloat16 { get; private init; }

    /// <summary>Of signed integers as they are, without a scale.</summary>
    public delegate*<in Tile, void> MultiplyInt8 { get; private init; }

    /// <summary>Columns of C rounded up to whole vectors: what a packed matrix holds.</summary>
    public int RoundUp(int columns) => (columns + Lanes - 1) / Lanes * Lanes;
}
