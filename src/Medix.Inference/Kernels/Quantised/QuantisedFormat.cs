namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// How one block format lies in memory. A weight [N, K] is cut into panels of <see cref="PanelRows"/> outputs; a panel is a sequence of units of
/// <see cref="UnitSteps"/> steps of k, each unit holding its outputs' integers and then their scales, so that a product reads one forward stream. N is rounded up to
/// whole panels and K to whole units. The layout is the same for every vector width: a packed matrix can be written on one machine and mapped on another.
/// <para>
/// Within a block of <see cref="BlockSteps"/> steps the integers stand as [group of 4 steps][output][step]: the four steps of an output are one 32-bit lane, which
/// is what byte products add up on every machine. A block of 4-bit numbers keeps group 2j in the lower halves and group 2j + 1 in the upper halves of 64 bytes.
/// </para>
/// </summary>
internal readonly unsafe struct QuantisedFormat
{
    /// <summary>Outputs of a panel.</summary>
    public const int PanelRows = 16;

    /// <summary>Steps of k that share a scale.</summary>
    public const int BlockSteps = 32;

    /// <summary>4-bit integers with one scale per block: 4.5 bits per weight.</summary>
    public static readonly QuantisedFormat Q4 = new(WeightStorage.Q4, Q4Packing.UnitSteps, Q4Packing.UnitBytes, 1, Q4Packing.Offset, &Q4Packing.Encode, &Q4Packing.Decode);

    /// <summary>4-bit integers with scale and minimum per block, both 8-bit multiples of a pair per 256 steps: 4.625 bits per weight.</summary>
    public static readonly QuantisedFormat Q4K = new(WeightStorage.Q4K, Q4KPacking.UnitSteps, Q4KPacking.UnitBytes, Q4KPacking.Blocks, 0, &Q4KPacking.Encode, &Q4KPacking.Decode);

    /// <summary>8-bit integers with one scale per block: 8.5 bits per weight.</summary>
    public static readonly QuantisedFormat Q8 = new(WeightStorage.Q8, Q8Packing.UnitSteps, Q8Packing.UnitBytes, 1, Q8Packing.Offset, &Q8Packing.Encode, &Q8Packing.Decode);

    private QuantisedFormat(
        WeightStorage storage, int unitSteps, int unitBytes, int blocksPerScale, int offset,
        delegate*<byte*, int, float*, float*, void> encode, delegate*<byte*, int, float*, void> decode)
    {
        Storage = storage;
        UnitSteps = unitSteps;
        UnitBytes = unitBytes;
        BlocksPerScale = blocksPerScale;
        Offset = offset;
        Encode = encode;
        Decode = decode;
    }

    public WeightStorage Storage { get; }

    public int UnitSteps { get; }

    public int UnitBytes { get; }

    /// <summary>Blocks of an activation row that must share one scale.</summary>
    public int BlocksPerScale { get; }

    /// <summary>What the unsigned integers are above the weights; 0 where a minimum says it.</summary>
    public int Offset { get; }

    /// <summary>
    /// Encodes one output's <see cref="UnitSteps"/> values into a unit: unit, output within the panel, values, importance of each value's error (0 beyond K).
    /// </summary>
    public delegate*<byte*, int, float*, float*, void> Encode { get; }

    /// <summary>Reads one output's <see cref="UnitSteps"/> values back from a unit.</summary>
    public delegate*<byte*, int, float*, void> Decode { get; }

    /// <summary>The format of a storage, or null where the storage is not quantised.</summary>
    public static QuantisedFormat? Of(WeightStorage storage) => storage switch
    {
        WeightStorage.Q4 => Q4,
        WeightStorage.Q4K => Q4K,
        WeightStorage.Q8 => Q8,
        _ => null,
    };

    public int Units(int k) => (k + UnitSteps - 1) / UnitSteps;

    public static int Panels(int n) => (n + PanelRows - 1) / PanelRows;

    public long PanelBytes(int k) => (long)Units(k) * UnitBytes;

    /// <summary>Bytes of a packed matrix.</summary>
    public long SizeOf(int n, int k) => checked(Panels(n) * PanelBytes(k));
}
