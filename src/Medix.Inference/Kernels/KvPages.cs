namespace Medix.Inference.Kernels;

/// <summary>
/// Memory for the keys and values of all sequences, in pages of <see cref="Positions"/> positions, all layers and heads together (after PagedAttention,
/// arXiv 2309.06180). A page holds, for each layer and key-value head, the keys as panels [d, panel width] (so that a register tile reads them as the
/// second operand of Q·Kᵀ) and the values as rows [position, d rounded up to whole vectors], both as <see cref="KvFormat"/> says, and where the format has scales, those
/// of the keys and those of the values [position]. Returned pages are used again; a page that several sequences hold, which none of them writes any more, is returned by
/// the last.
/// </summary>
internal sealed unsafe class KvPages : IDisposable
{
    /// <summary>Positions of a page: a multiple of every kernel's panel width.</summary>
    public const int Positions = 96;

    private readonly int heads;
    private readonly long blockBytes;
    private readonly long valuesOffset;
    private readonly long scalesOffset;
    private readonly List<AlignedMemory> all = [];
    private readonly Stack<nint> free = new();
    private readonly Dictionary<nint, int> shared = [];

    public KvPages(int layers, int heads, int headDim, KernelSet kernels, KeyValueStorage storage = KeyValueStorage.Fp32)
    {
        this.heads = heads;
        Kernels = kernels;
        HeadDim = headDim;
        ValueStride = kernels.RoundUp(headDim);
        Format = new KvFormat(storage, kernels);
        valuesOffset = (long)Positions * headDim * Format.Size;
        scalesOffset = valuesOffset + ((long)Positions * ValueStride * Format.Size);
        blockBytes = scalesOffset + (Format.IsScaled ? 2 * Positions * sizeof(float) : 0);
        PageBytes = checked(blockBytes * layers * heads);
    }

    public KernelSet Kernels { get; }

    /// <summary>How keys and values are stored.</summary>
    public KvFormat Format { get; }

    public int HeadDim { get; }

    /// <summary>Numbers from one position's value to the next.</summary>
    public int ValueStride { get; }

    /// <summary>Bytes of all pages, used or free.</summary>
    public long Bytes => all.Count * PageBytes;

    /// <summary>Bytes of one page.</summary>
    public long PageBytes { get; }

    /// <summary>Pages that somebody holds.</summary>
    public int Used => all.Count - free.Count;

    public nint Rent()
    {
        if (free.TryPop(out nint page))
        {
            return page;
        }

        // Cleared once: what a tile reads beyond the last position is never used, but must not be slow to compute with.
        AlignedMemory memory = new(PageBytes);
        all.Add(memory);
        free.EnsureCapacity(all.Count);
        return (nint)memory.Bytes;
    }

    /// <summary>Holds a used page once more: it has to be returned as often as it is held.</summary>
    public void Retain(nint page) => shared[page] = References(page) + 1;

    /// <summary>How many hold a used page.</summary>
    public int References(nint page) => shared.GetValueOrDefault(page, 1);

    public void Return(nint page)
    {
        int left = References(page) - 1;
        if (left > 1)
        {
            shared[page] = left;
        }
        else if (left == 1)
        {
            shared.Remove(page);
        }
        else
        {
            free.Push(page);
        }
    }

    public byte* Keys(nint page, int layer, int head) => (byte*)page + (((layer * heads) + head) * blockBytes);

    public byte* Values(nint page, int layer, int head) => Keys(page, layer, head) + valuesOffset;

    /// <summary>The keys' scales, where the format has any.</summary>
    public float* KeyScales(nint page, int layer, int head) => (float*)(Keys(page, layer, head) + scalesOffset);

    /// <summary>The values' scales, where the format has any.</summary>
    public float* ValueScales(nint page, int layer, int head) => KeyScales(page, layer, head) + Positions;

    /// <summary>Where the first number of a position's key is; the others follow at the distance of a panel's width.</summary>
    public byte* KeyColumn(nint page, int layer, int head, int position)
    {
        int width = Kernels.PanelColumns;
        return Keys(page, layer, head) + (((position / width * width * HeadDim) + (position % width)) * Format.Size);
    }

    public void Dispose()
    {
        all.ForEach(memory => memory.Dispose());
        all.Clear();
        free.Clear();
    }
}

/// <summary>
/// The keys and values of one sequence, perhaps behind those of a prompt that it shares with others (<see cref="Prefix"/>), or with first pages that others hold too
/// (<see cref="Adopt"/>).
/// </summary>
internal sealed unsafe class KvSequence(KvPages pages, KvSequence? prefix = null, int expectedLength = 0)
{
    private nint[] held = new nint[Math.Max(1, (expectedLength + KvPages.Positions - 1) / KvPages.Positions)];
    private int count;

    /// <summary>The prompt before this sequence, whole and never written again.</summary>
    public KvSequence? Prefix { get; } = prefix;

    /// <summary>Positions of this sequence alone.</summary>
    public int Length { get; private set; }

    public KvPages Pages => pages;

    /// <summary>The pages in the order of their positions.</summary>
    public ReadOnlySpan<nint> Held => held.AsSpan(0, count);

    /// <summary>Goes on with a full page that another sequence or a cache holds and nobody writes any more. The sequence must end at a page's border.</summary>
    public void Adopt(nint page)
    {
        if (Length != count * KvPages.Positions)
        {
            throw new InvalidOperationException($"A sequence of {Length} positions cannot adopt a page: it ends within one.");
        }

        pages.Retain(page);
        Hold(page);
        Length += KvPages.Positions;
    }

    /// <summary>Adds positions, to be written before they are read.</summary>
    public void Extend(int positions)
    {
        Length += positions;
        while (count * KvPages.Positions < Length)
        {
            Hold(pages.Rent());
        }
    }

    public nint Page(int position) => held[position / KvPages.Positions];

    /// <summary>Forgets the positions from <paramref name="length"/> on, of this sequence alone, and gives back the pages that held nothing else.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        while (count > 0 && (count - 1) * KvPages.Positions >= length)
        {
            pages.Return(held[--count]);
        }
    }

    /// <summary>Gives all pages back.</summary>
    public void Clear()
    {
        for (int i = 0; i < count; i++)
        {
            pages.Return(held[i]);
        }

        count = 0;
        Length = 0;
    }

    /// <summary>Stores one head's key [d] and value [d].</summary>
    public void Write(int layer, int head, int position, float* key, float* value)
    {
        nint page = Page(position);
        int inside = position % KvPages.Positions;
        KvFormat format = pages.Format;
        float keyScale = format.Store(key, pages.HeadDim, pages.KeyColumn(page, layer, head, inside), pages.Kernels.PanelColumns);
        float valueScale = format.Store(value, pages.HeadDim, pages.Values(page, layer, head) + ((long)inside * pages.ValueStride * format.Size), 1);
        if (format.IsScaled)
        {
            pages.KeyScales(page, layer, head)[inside] = keyScale;
            pages.ValueScales(page, layer, head)[inside] = valueScale;
        }
    }

    private void Hold(nint page)
    {
        if (count == held.Length)
        {
            Array.Resize(ref held, count * 2);
        }

        held[count++] = page;
    }
}
