using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>The kernels of one format and width.</summary>
/// <param name="row">One row times one or more packed panels.</param>
/// <param name="rowPanels">Panels that <paramref name="row"/> takes at most.</param>
/// <param name="tile">Several rows times a panel, unpacked or packed.</param>
/// <param name="tileRows">Rows that <paramref name="tile"/> takes at most.</param>
/// <param name="unpack">Unpacks units: packed, their number, target. Null where the tile reads the packed panel itself.</param>
/// <param name="passUnits">Units unpacked at a time: what the nearest cache keeps beside a tile's activations.</param>
internal readonly unsafe struct FormatKernels(
    delegate*<in QuantisedTile, void> row, int rowPanels, delegate*<in QuantisedTile, void> tile, int tileRows, delegate*<byte*, int, byte*, void> unpack, int passUnits)
{
    public readonly delegate*<in QuantisedTile, void> Row = row, Tile = tile;
    public readonly delegate*<byte*, int, byte*, void> Unpack = unpack;
    public readonly int RowPanels = rowPanels, TileRows = tileRows, PassUnits = passUnits;
}

/// <summary>
/// The quantised kernels of one vector width, chosen once by what the machine has. All widths give the same bits: integer sums are exact, and single-precision
/// operations are the same in the same order (<see cref="Scalar"/>).
/// </summary>
internal sealed unsafe class QuantisedKernels
{
    private const int Pass = 1024;

    private QuantisedKernels(string name, FormatKernels q4, FormatKernels q4k, FormatKernels q8)
    {
        Name = name;
        Q4 = q4;
        Q4K = q4k;
        Q8 = q8;
    }

    /// <summary>AVX-512 BW.</summary>
    public static QuantisedKernels Width512 { get; } = new(
        "512 bits",
        new(&Row512.Q4, 2, &Q4Tile512.Multiply, 16, null, Pass / Q4Packing.UnitSteps),
        new(&Row512.Q4K, 2, &Q4KTile512.Multiply, 8, &Unpacking.Q4K, Pass / Q4KPacking.UnitSteps),
        new(&Row512.Q8, 2, &Q8Tile512.Multiply, 8, &Unpacking.Q8Planes, Pass / 2 / Q8Packing.UnitSteps));

    /// <summary>AVX2.</summary>
    public static QuantisedKernels Width256 { get; } = new(
        "256 bits",
        new(&Row256<PlainDot256>.Q4, 1, &Q4Tile256.Multiply, 4, &Unpacking.Q4, Pass / Q4Packing.UnitSteps),
        new(&Row256<PlainDot256>.Q4K, 1, &Q4KTile256<PlainDot256>.Multiply, 4, &Unpacking.Q4K, Pass / Q4KPacking.UnitSteps),
        new(&Row256<PlainDot256>.Q8, 1, &Q8Tile256.Multiply, 4, &Unpacking.Q8Planes, Pass / 2 / Q8Packing.UnitSteps));

    /// <summary>AVX2 with AVX-VNNI, which many laptops without AVX-512 have.</summary>
    public static QuantisedKernels Width256Vnni { get; } = new(
        "256 bits with VNNI",
        new(&Row256<VnniDot256>.Q4, 1, &VnniTile256.Multiply, 4, &Unpacking.Q4, Pass / Q4Packing.UnitSteps),
        new(&Row256<VnniDot256>.Q4K, 1, &Q4KTile256<VnniDot256>.Multiply, 4, &Unpacking.Q4K, Pass / Q4KPacking.UnitSteps),
        new(&Row256<VnniDot256>.Q8, 1, &VnniTile256.Multiply, 4, &Unpacking.Q8Plain, Pass / Q8Packing.UnitSteps));

    /// <summary>Arm's AdvSimd with dot product.</summary>
    public static QuantisedKernels WidthArm { get; } = Width128<ArmDot>("128 bits with Arm's dot product");

    /// <summary>Any machine with 128-bit vectors.</summary>
    public static QuantisedKernels Portable { get; } = Width128<PortableDot>("128 bits");

    /// <summary>The widest kernels that this machine runs in hardware.</summary>
    public static QuantisedKernels Best { get; } =
        Avx512BW.IsSupported ? Width512
        : AvxVnni.IsSupported ? Width256Vnni
        : Avx2.IsSupported ? Width256
        : Dp.IsSupported ? WidthArm : Portable;

    public string Name { get; }

    private FormatKernels Q4 { get; }

    private FormatKernels Q4K { get; }

    private FormatKernels Q8 { get; }

    public FormatKernels Of(QuantisedFormat format) => format.Storage switch
    {
        WeightStorage.Q4 => Q4,
        WeightStorage.Q4K => Q4K,
        _ => Q8,
    };

    private static QuantisedKernels Width128<TDot>(string name)
        where TDot : struct, IDot128 => new(
            name,
            new(&Row128<TDot>.Q4, 1, &QuantisedTile128<TDot>.Q4, 8, &Unpacking.Q4, Pass / Q4Packing.UnitSteps),
            new(&Row128<TDot>.Q4K, 1, &QuantisedTile128<TDot>.Q4K, 8, &Unpacking.Q4K, Pass / Q4KPacking.UnitSteps),
            new(&Row128<TDot>.Q8, 1, &QuantisedTile128<TDot>.Q8, 8, &Unpacking.Q8Plain, Pass / Q8Packing.UnitSteps));
}
