using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>
/// What attention reads and writes: for each row its sequence and how many of the sequence's own positions it sees (the prefix it sees whole).
/// Queries are [kv head, row capacity · group, d], already rotated and scaled; the output is [row, head, d] with <see cref="OutputStride"/>.
/// </summary>
internal sealed unsafe class AttentionRows
{
    public KvSequence[] Sequences = [];
    public int[] Visible = [];
    public float* Queries;
    public long QueriesOfHead;
    public float* Output;
    public int OutputStride;
    public int KeyValueHeads;
    public int Group;

    /// <summary>Positions of the prefix of a row's sequence.</summary>
    public int PrefixLength(int row) => Sequences[row].Prefix?.Length ?? 0;

    /// <summary>How many of their own positions the rows see at most.</summary>
    public int MostVisible(int row, int end)
    {
        int most = 0;
        for (; row < end; row++)
        {
            most = Math.Max(most, Visible[row]);
        }

        return most;
    }
}

/// <summary>
/// Attention of many rows cut into chunks of some rows and one key-value head. Chunks of the same head are neighbours, which one thread takes: it finds the head's keys
/// and values in its nearer caches, where it would read those of all heads again for every block of rows.
/// </summary>
internal readonly struct AttentionChunks(int rows, int heads, int group)
{
    /// <summary>Queries of a chunk: their scores of a thousand positions fit beside the keys.</summary>
    private const int Queries = 32;

    /// <summary>Rows of a chunk.</summary>
    public int Block { get; } = Math.Max(1, Queries / group);

    public int Count => Blocks * heads;

    private int Blocks => (rows + Block - 1) / Block;

    /// <summary>A chunk's key-value head.</summary>
    public int Head(int chunk) => chunk / Blocks;

    /// <summary>A chunk's first row.</summary>
    public int First(int chunk) => chunk % Blocks * Block;

    /// <summary>The row behind its last.</summary>
    public int End(int chunk) => Math.Min(First(chunk) + Block, rows);
}

/// <summary>
/// Softmax attention of some rows over cached keys and values, as products of register tiles: the query heads that share a key-value head, and the rows that
/// share a prefix or a page, are the rows of one product. Exact softmax with the maximum subtracted, fp32, whatever
/// the storage of keys and values. Rows do not influence each other.
/// </summary>
internal static unsafe class Attention
{
    /// <summary>Numbers of scratch memory for <paramref name="rows"/> rows that see at most <paramref name="positions"/> positions.</summary>
    public static long ScratchFloats(int rows, int group, int positions, KvPages pages) =>
        (long)rows * group * (ScoreStride(positions, pages) + pages.ValueStride + 1);

    /// <summary>Computes the rows [<paramref name="first"/>, <paramref name="end"/>) of one layer.</summary>
    public static void Run(AttentionRows rows, KvPages pages, int layer, int first, int end, float* scratch) =>
        Run(rows, pages, layer, first, end, 0, rows.KeyValueHeads, scratch);

    /// <summary>
    /// The same for the key-value heads [<paramref name="firstHead"/>, <paramref name="endHead"/>) and the queries that share them; with
    /// <paramref name="onlyProducts"/> without what lies between the products, to measure these.
    /// </summary>
    public static void Run(
        AttentionRows rows, KvPages pages, int layer, int first, int end, int firstHead, int endHead, float* scratch, bool onlyProducts = false)
    {
        int group = rows.Group, count = (end - first) * group, positions = 0;
        for (int row = first; row < end; row++)
        {
            positions = Math.Max(positions, rows.PrefixLength(row) + rows.Visible[row]);
        }

        int stride = ScoreStride(positions, pages);
        float* values = scratch + ((long)count * stride);
        float* inverses = values + ((long)count * pages.ValueStride);
        for (int head = firstHead; head < endHead; head++)
        {
            float* queries = rows.Queries + (head * rows.QueriesOfHead) + ((long)first * group * pages.HeadDim);
            Work work = new(pages, layer, head, group, stride, queries, scratch, values);
            Scores(rows, work, first, end);
            if (!onlyProducts)
            {
                Softmax(rows, work, first, end, inverses);
            }

            Values(rows, work, first, end);
            for (int i = 0; i < count && !onlyProducts; i++)
            {
                int row = first + (i / group), query = (head * group) + (i % group);
                float* target = rows.Output + ((long)row * rows.OutputStride) + (query * pages.HeadDim);
                RowKernels.Scale(values + ((long)i * pages.ValueStride), target, pages.HeadDim, inverses[i]);
            }
        }
    }

    /// <summary>The last tile of a row may write a panel's width beyond the last position.</summary>
    private static int ScoreStride(int positions, KvPages pages) => pages.Kernels.RoundUp(positions + pages.Kernels.PanelColumns);

    private static void Scores(AttentionRows rows, in Work work, int first, int end)
    {
        PageParts parts = new(rows, first, end);
        bool more = parts.Next(out PagePart part);
        PagePart start = part;
        while (more)
        {
            more = parts.Next(out PagePart next);
            work.PageScores(part, more ? work.Keys(next) : work.Values(start));
            part = next;
        }
    }

    private static void Softmax(AttentionRows rows, in Work work, int first, int end, float* inverses)
    {
        for (int row = first; row < end;)
        {
            int next = EndOfSequenceGroup(rows, row, end), most = rows.MostVisible(row, next);
            for (; row < next; row++)
            {
                int length = rows.PrefixLength(row) + rows.Visible[row];
                for (int i = 0; i < work.Group; i++)
                {
                    int index = ((row - first) * work.Group) + i;
                    float* score = work.ScoreRow(index);
                    inverses[index] = 1f / RowKernels.ExpSum(score, score, length, RowKernels.Max(score, length), 1f);
                    NativeMemory.Clear(score + length, (nuint)(most - rows.Visible[row]) * sizeof(float));
                }
            }
        }
    }

    private static void Values(AttentionRows rows, in Work work, int first, int end)
    {
        PageParts parts = new(rows, first, end);
        bool more = parts.Next(out PagePart part);
        PagePart start = part;
        while (more)
        {
            more = parts.Next(out PagePart next);
            work.PageValues(part, more ? work.Values(next) : work.NextKeys(start, rows.KeyValueHeads));
            part = next;
        }
    }

    private static int EndOfSequenceGroup(AttentionRows rows, int row, int end)
    {
        int next = row + 1;
        while (next < end && rows.Sequences[next] == rows.Sequences[row])
        {
            next++;
        }

        return next;
    }

    /// <summary>The products of one key-value head.</summary>
    private readonly struct Work(KvPages pages, int layer, int head, int group, int stride, float* queries, float* scores, float* values)
    {
        public int Group { get; } = group;

        public float* ScoreRow(int index) => scores + ((long)index * stride);

        public byte* Keys(in PagePart part) => pages.Keys(part.Page, layer, head);

        public byte* Values(in PagePart part) => pages.Values(part.Page, layer, head);

        /// <summary>The next head's keys; null behind the last head.</summary>
        public byte* NextKeys(in PagePart part, int heads) => head + 1 < heads ? pages.Keys(part.Page, layer, head + 1) : null;

        /// <summary>Q·Kᵀ of a part. What is read after it is at <paramref name="next"/>, or null.</summary>
        public void PageScores(in PagePart part, byte* next)
        {
            int width = pages.Kernels.PanelColumns, d = pages.HeadDim;
            Tile tile = new() { RowStride = d, StepStride = 1, PanelStride = width * pages.Format.Size, CStride = stride, Steps = d };
            tile.Ahead = Distance(Keys(part), next);
            for (int position = 0; position < part.Positions; position += width)
            {
                tile.Panel = pages.KeyColumn(part.Page, layer, head, position);
                tile.Vectors = Math.Min(pages.Kernels.PanelVectors, (part.Positions - position + pages.Kernels.Lanes - 1) / pages.Kernels.Lanes);
                Tiles(ref tile, queries + ((long)part.Row * Group * d), ScoreRow(part.Row * Group) + part.Column + position, part.Rows * Group);
            }

            if (pages.Format.IsScaled)
            {
                ScaleColumns(pages.KeyScales(part.Page, layer, head), part);
            }
        }

        /// <summary>P·V of the same, added to that of the score columns before.</summary>
        public void PageValues(in PagePart part, byte* next)
        {
            int valueStride = pages.ValueStride, width = pages.Kernels.PanelColumns;
            Tile tile = new() { RowStride = stride, StepStride = 1, PanelStride = valueStride * pages.Format.Size, CStride = valueStride, Steps = part.Positions };
            tile.Accumulate = part.Column > 0;
            byte* page = Values(part);
            tile.Ahead = Distance(page, next);
            if (pages.Format.IsScaled)
            {
                ScaleColumns(pages.ValueScales(part.Page, layer, head), part);
            }

            for (int from = 0; from < valueStride; from += width)
            {
                tile.Panel = page + ((nint)from * pages.Format.Size);
                tile.Vectors = Math.Min(pages.Kernels.PanelVectors, (valueStride - from) / pages.Kernels.Lanes);
                Tiles(ref tile, ScoreRow(part.Row * Group) + part.Column, values + ((long)part.Row * Group * valueStride) + from, part.Rows * Group);
            }
        }

        /// <summary>What integers of one position stand for is their scale's multiple, so that a whole column of the scores or probabilities has one factor.</summary>
        private void ScaleColumns(float* scales, in PagePart part)
        {
            for (int i = part.Row * Group; i < (part.Row + part.Rows) * Group; i++)
            {
                RowKernels.Multiply(ScoreRow(i) + part.Column, scales, part.Positions);
            }
        }

        private static nint Distance(byte* page, byte* next) => next is null ? 0 : (nint)(next - page);

        private void Tiles(ref Tile tile, float* a, float* c, int rows)
        {
            int most = pages.Kernels.TileRows;
            for (int row = 0; row < rows; row += most)
            {
                tile.Rows = Math.Min(most, rows - row);
                tile.A = a + (row * tile.RowStride);
                tile.C = c + (row * tile.CStride);
                pages.Format.Multiply(tile);
            }
        }
    }
}
