using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// The text decoder over rows: a row is one token of one sequence, and rows of any sequences go through a layer together. A layer has two parts. The first
/// stores the rows' keys and values; the second reads those of all earlier positions. Rows of different sequences never meet, so threads that work on
/// different sequences need not wait for each other, not even between layers.
/// </summary>
internal sealed unsafe class TextDecoder : IDisposable
{
    /// <summary>Weights beyond this are read from memory for every pass.</summary>
    private const long CacheBytes = 32 << 20;

    /// <summary>Beyond so many rows a pass computes longer than it reads.</summary>
    public const int MostSharedRows = 64;

    private readonly TextConfig text;
    private readonly TextWeights weights;
    private readonly Scratch scratch;
    private readonly ExpertMixture[] mixtures;
    private readonly AttentionRows attention;
    private readonly float epsilon;
    private readonly int queryWidth;
    private readonly int stackedWidth;
    private readonly int denseWidth;
    private AlignedMemory buffer = new(0);
    private AlignedMemory logits = new(0);
    private int capacity;
    private float* normed;
    private float* stacked;
    private float* attended;
    private float* gateUp;
    private float* inner;

    public TextDecoder(TextConfig text, TextWeights weights, WorkerPool pool, KeyValueStorage keysAndValues)
    {
        this.text = text;
        this.weights = weights;
        Pool = pool;
        scratch = new Scratch(pool.Threads);
        bool sparse = weights.Layers.Any(layer => layer.Experts is not null);
        mixtures = sparse ? [new(text, pool.Threads), .. Enumerable.Range(0, pool.Threads).Select(_ => new ExpertMixture(text, 1))] : [];
        epsilon = (float)text.RmsNormEpsilon;
        IsLarge = weights.Bytes > CacheBytes;
        queryWidth = text.Heads * text.HeadDim;
        stackedWidth = queryWidth + (2 * text.KeyValueHeads * text.HeadDim);
        // Without a dense layer no tensor vouches for the configuration's number, and nothing needs it.
        denseWidth = weights.Layers.All(layer => layer.Experts is not null) ? 0 : text.Intermediate;
        attention = new AttentionRows { KeyValueHeads = text.KeyValueHeads, Group = text.Heads / text.KeyValueHeads, OutputStride = queryWidth };
        Pages = new KvPages(text.Layers, text.KeyValueHeads, text.HeadDim, KernelSet.Best, keysAndValues);
        Rotary = new RotaryTable(text);
    }

    public WorkerPool Pool { get; }

    public KvPages Pages { get; }

    public RotaryTable Rotary { get; }

    public int Layers => text.Layers;

    public int KeyValueHeads => text.KeyValueHeads;

    /// <summary>Query heads of a key-value head.</summary>
    public int Group => attention.Group;

    /// <summary>Whether the weights do not fit the caches, so that every pass reads them from memory.</summary>
    public bool IsLarge { get; }

    /// <summary>Whether any layer is a mixture of experts.</summary>
    public bool HasExperts => mixtures.Length > 0;

    /// <summary>
    /// Whether so many rows are better computed together by all threads (<see cref="SharedLayers"/>) than some by each: where rows are too few to share out, or the
    /// weights do not fit the caches, so that each thread would read them from memory for itself.
    /// </summary>
    public bool SharesProducts(int rows) => Pool.Threads > 1 && (rows < 2 * Pool.Threads || (rows <= MostSharedRows && IsLarge));

    /// <summary>When set, products are shared out over the pool instead of rows: for few rows, from the calling thread only.</summary>
    public bool SplitProducts { get; set; }

    /// <summary>The rows' tokens, [capacity].</summary>
    public int[] Tokens { get; private set; } = [];

    /// <summary>The rows' rotary angles, each a pointer to cosines and sines.</summary>
    public nint[] Angles { get; private set; } = [];

    /// <summary>The rows' sequences.</summary>
    public KvSequence[] Sequences => attention.Sequences;

    /// <summary>How many of its sequence's own positions a row sees; its own position is the last of them.</summary>
    public int[] Visible => attention.Visible;

    /// <summary>Hidden states [capacity, Hidden].</summary>
    public float* Hidden { get; private set; }

    /// <summary>Logits [rows asked for, VocabularySize].</summary>
    public float* Logits => logits.Floats;

    /// <summary>Makes room for so many rows. What the rows held is lost when it grows.</summary>
    public void RequireRows(int rows)
    {
        if (rows <= capacity)
        {
            return;
        }

        capacity = rows;
        Tokens = new int[rows];
        Angles = new nint[rows];
        attention.Sequences = new KvSequence[rows];
        attention.Visible = new int[rows];
        int[] widths = [text.Hidden, text.Hidden, stackedWidth, queryWidth, queryWidth, 2 * denseWidth, denseWidth];
        buffer.Dispose();
        buffer = AlignedMemory.OfFloats(widths.Sum(width => (long)rows * Padded(width)));
        float* next = buffer.Floats;
        Hidden = Take(ref next, text.Hidden);
        normed = Take(ref next, text.Hidden);
        stacked = Take(ref next, stackedWidth);
        attention.Queries = Take(ref next, queryWidth);
        attended = Take(ref next, queryWidth);
        gateUp = Take(ref next, 2 * denseWidth);
        inner = Take(ref next, denseWidth);
        attention.QueriesOfHead = (long)rows * attention.Group * text.HeadDim;
        attention.Output = attended;
    }

    /// <summary>Makes room for the logits of so many rows.</summary>
    public void RequireLogits(int rows)
    {
        long floats = (long)rows * text.VocabularySize;
        if (logits.Length < floats * sizeof(float))
        {
            logits.Dispose();
            logits = AlignedMemory.OfFloats(floats);
        }
    }

    /// <summary>Makes room for attention of chunks of <paramref name="rows"/> rows that see at most <paramref name="positions"/> positions.</summary>
    public void RequireScratch(int rows, int positions) => scratch.Require(Attention.ScratchFloats(rows, attention.Group, positions, Pages));

    /// <summary>Hidden states of the rows' tokens.</summary>
    public void Embed(int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            weights.Embedding.CopyRow(Tokens[row], Hidden + ((long)row * text.Hidden));
        }
    }

    /// <summary>The first part of a layer: queries, and keys and values into the cache.</summary>
    public void StoreKeysAndValues(int layer, int first, int end)
    {
        Project(layer, first, end);
        RotateAndStore(layer, first, end, 0, text.KeyValueHeads);
    }

    /// <summary>The rows' queries, keys and values.</summary>
    public void Project(int layer, int first, int end)
    {
        TextLayerWeights part = weights.Layers[layer];
        Normalise(part.InputNorm, first, end);
        Multiply(part.QueryKeyValue, normed, text.Hidden, stacked, stackedWidth, first, end, accumulate: false);
    }

    /// <summary>Norm and rotation of queries and keys, and keys and values into the cache, for some key-value heads and the queries that share them.</summary>
    public void RotateAndStore(int layer, int first, int end, int firstHead, int endHead)
    {
        TextLayerWeights part = weights.Layers[layer];
        float scale = 1f / MathF.Sqrt(text.HeadDim);
        for (int row = first; row < end; row++)
        {
            float* projected = stacked + ((long)row * stackedWidth);
            float* angles = (float*)Angles[row];
            for (int head = firstHead * attention.Group; head < endHead * attention.Group; head++)
            {
                float* query = projected + (head * text.HeadDim);
                RowKernels.RmsNorm(query, part.QueryNorm.Floats, query, text.HeadDim, epsilon);
                RowKernels.Rotate(query, angles, Query(row, head), text.HeadDim, scale);
            }

            StoreRow(layer, row, projected + queryWidth, part.KeyNorm.Floats, firstHead, endHead);
        }
    }

    /// <summary>Whether a layer's MLP is a mixture of experts.</summary>
    public bool IsSparse(int layer) => weights.Layers[layer].Experts is not null;

    /// <summary>The experts' state of all rows together, for prefill.</summary>
    public ExpertMixture Mixture => mixtures[0];

    /// <summary>The second part of a layer: attention and MLP, each added to the hidden states.</summary>
    public void AttendAndTransform(int layer, int first, int end, int worker)
    {
        AttendHeads(layer, first, end, 0, text.KeyValueHeads, worker);
        AddAttention(layer, first, end);
        if (IsSparse(layer))
        {
            MixExperts(layer, first, end, worker);
        }
        else
        {
            Transform(layer, first, end);
        }
    }

    /// <summary>A dense MLP, added to the hidden states.</summary>
    public void Transform(int layer, int first, int end)
    {
        GateAndUp(layer, first, end);
        Activate(first, end);
        AddDown(layer, first, end);
    }

    /// <summary>Attention of some key-value heads.</summary>
    public void AttendHeads(int layer, int first, int end, int firstHead, int endHead, int worker) =>
        Attention.Run(attention, Pages, layer, first, end, firstHead, endHead, scratch[worker]);

    /// <summary>Attention's output projection added to the hidden states, and the norm before the MLP.</summary>
    public void AddAttention(int layer, int first, int end)
    {
        TextLayerWeights part = weights.Layers[layer];
        Multiply(part.Output, attended, queryWidth, Hidden, text.Hidden, first, end, accumulate: true);
        Normalise(part.MlpNorm, first, end);
    }

    /// <summary>Chooses the rows' experts in the common mixture.</summary>
    public void Route(int layer, int first, int end) => Mixture.Route(weights.Layers[layer].Experts!, normed, first, end, SplitProducts ? Pool : null);

    /// <summary>A part of the active experts' gate and up projections for all rows of the common mixture.</summary>
    public void ComputeGateUp(int layer, int part, int worker) => Mixture.ComputeGateUp(weights.Layers[layer].Experts!, normed, part, worker);

    /// <summary>A part of their down projections.</summary>
    public void ComputeDown(int layer, int part, int worker) => Mixture.ComputeDown(weights.Layers[layer].Experts!, part, worker);

    /// <summary>One expert for all rows of the common mixture.</summary>
    public void ComputeExpert(int layer, int expert, int worker) => Mixture.Compute(weights.Layers[layer].Experts!, normed, expert, worker);

    /// <summary>Adds the experts' outputs to the rows.</summary>
    public void Combine(int first, int end) => Mixture.Combine(Hidden, first, end);

    /// <summary>A sparse MLP for rows that go their own way: each worker has a mixture of its own.</summary>
    private void MixExperts(int layer, int first, int end, int worker)
    {
        ExpertMixture mixture = mixtures[worker + 1];
        ExpertWeights experts = weights.Layers[layer].Experts!;
        float* x = normed + ((long)first * text.Hidden);
        mixture.Require(end - first);
        mixture.Route(experts, x, 0, end - first, null);
        mixture.Sort();
        for (int expert = 0; expert < text.Experts; expert++)
        {
            mixture.Compute(experts, x, expert, 0);
        }

        mixture.Combine(Hidden + ((long)first * text.Hidden), 0, end - first);
    }

    /// <summary>The MLP's gate and up projections.</summary>
    public void GateAndUp(int layer, int first, int end) =>
        Multiply(weights.Layers[layer].GateUp, normed, text.Hidden, gateUp, 2 * text.Intermediate, first, end, accumulate: false);

    /// <summary>Gates the MLP's inner values.</summary>
    public void Activate(int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            RowKernels.SiluMultiply(gateUp + (2L * row * text.Intermediate), inner + ((long)row * text.Intermediate), text.Intermediate);
        }
    }

    /// <summary>The MLP's down projection added to the hidden states.</summary>
    public void AddDown(int layer, int first, int end) =>
        Multiply(weights.Layers[layer].Down, inner, text.Intermediate, Hidden, text.Hidden, first, end, accumulate: true);

    /// <summary>Final norm, in place of the hidden states: the decoder is done with them.</summary>
    public void NormaliseFinal(int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            float* hidden = Hidden + ((long)row * text.Hidden);
            RowKernels.RmsNorm(hidden, weights.FinalNorm.Floats, hidden, text.Hidden, epsilon);
        }
    }

    /// <summary>Logits of normalised hidden states, to the rows from <paramref name="target"/> on.</summary>
    public void ComputeLogits(int first, int end, int target)
    {
        float* to = Logits + ((long)(target - first) * text.VocabularySize);
        Multiply(weights.Head, Hidden, text.Hidden, to, text.VocabularySize, first, end, accumulate: false);
    }

    public void Dispose()
    {
        buffer.Dispose();
        logits.Dispose();
        scratch.Dispose();
        Array.ForEach(mixtures, mixture => mixture.Dispose());
        Pages.Dispose();
        Rotary.Dispose();
    }

    private static int Padded(int width) => (width + 15) / 16 * 16;

    private float* Take(ref float* next, int width)
    {
        float* taken = next;
        next += (long)capacity * Padded(width);
        return taken;
    }

    private float* Query(int row, int head)
    {
        (int keyValueHead, int inside) = Math.DivRem(head, attention.Group);
        return attention.Queries + (keyValueHead * attention.QueriesOfHead) + ((((long)row * attention.Group) + inside) * text.HeadDim);
    }

    private void StoreRow(int layer, int row, float* keys, float* keyNorm, int firstHead, int endHead)
    {
        float* rotated = stackalloc float[text.HeadDim];
        float* values = keys + (text.KeyValueHeads * text.HeadDim);
        for (int head = firstHead; head < endHead; head++)
        {
            float* key = keys + (head * text.HeadDim);
            RowKernels.RmsNorm(key, keyNorm, key, text.HeadDim, epsilon);
            RowKernels.Rotate(key, (float*)Angles[row], rotated, text.HeadDim, 1f);
            Sequences[row].Write(layer, head, Visible[row] - 1, rotated, values + (head * text.HeadDim));
        }
    }

    private void Normalise(AlignedMemory norm, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            RowKernels.RmsNorm(Hidden + ((long)row * text.Hidden), norm.Floats, normed + ((long)row * text.Hidden), text.Hidden, epsilon);
        }
    }

    private void Multiply(PackedMatrix weight, float* a, int lda, float* c, int ldc, int first, int end, bool accumulate)
    {
        float* from = a + ((long)first * lda), to = c + ((long)first * ldc);
        if (SplitProducts)
        {
            weight.Multiply(Pool, from, lda, to, ldc, end - first, accumulate);
        }
        else
        {
            weight.Multiply(from, lda, to, ldc, end - first, accumulate);
        }
    }
}
