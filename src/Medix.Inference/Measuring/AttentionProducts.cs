using Medix.Inference.Kernels;

namespace Medix.Inference.Measuring;

/// <summary>Attention's own products (queries with keys, probabilities with values) and nothing else, for a sequence of zeros that is computed as a whole.</summary>
internal sealed unsafe class AttentionProducts : PoolJob, IDisposable
{
    private readonly WorkerPool pool;
    private readonly KvPages pages;
    private readonly Scratch scratch;
    private readonly AttentionRows rows;
    private readonly AttentionChunks chunks;
    private readonly AlignedMemory queries;
    private readonly AlignedMemory output;

    /// <summary>
    /// For <paramref name="length"/> rows of <paramref name="heads"/> key-value heads, each with <paramref name="group"/> query heads of <paramref name="headDim"/> numbers;
    /// a row sees all, or where <paramref name="causal"/> those up to its own.
    /// </summary>
    public AttentionProducts(WorkerPool pool, int length, int heads, int group, int headDim, bool causal, KeyValueStorage storage)
    {
        this.pool = pool;
        pages = new KvPages(1, heads, headDim, KernelSet.Best, storage);
        scratch = new Scratch(pool.Threads);
        chunks = new AttentionChunks(length, heads, group);
        int width = heads * group * headDim;
        queries = AlignedMemory.OfFloats((long)length * width);
        output = AlignedMemory.OfFloats((long)length * width);
        KvSequence sequence = new(pages, null, length);
        sequence.Extend(length);
        rows = new AttentionRows
        {
            Sequences = [.. Enumerable.Repeat(sequence, length)], Visible = [.. Enumerable.Range(1, length).Select(row => causal ? row : length)],
            Queries = queries.Floats, QueriesOfHead = (long)length * group * headDim, Output = output.Floats, OutputStride = width, KeyValueHeads = heads, Group = group,
        };
        scratch.Require(Attention.ScratchFloats(chunks.Block, group, length, pages));
    }

    /// <summary>The products of so many layers.</summary>
    public void Run(int layers)
    {
        for (int layer = 0; layer < layers; layer++)
        {
            pool.Run(this, chunks.Count);
        }
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int head = chunks.Head(chunk);
        Attention.Run(rows, pages, 0, chunks.First(chunk), chunks.End(chunk), head, head + 1, scratch[worker], onlyProducts: true);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        pages.Dispose();
        scratch.Dispose();
        queries.Dispose();
        output.Dispose();
    }
}
