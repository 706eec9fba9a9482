using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>What the decoder sees of some images: merged tokens [M, OutHidden], and as many for each DeepStack level.</summary>
internal sealed record VisionFeatures(AlignedMemory Merged, IReadOnlyList<AlignedMemory> Deepstack) : IDisposable
{
    public void Dispose()
    {
        Merged.Dispose();
        foreach (AlignedMemory level in Deepstack)
        {
            level.Dispose();
        }
    }
}

/// <summary>
/// Qwen3-VL's vision tower: patches of all images together, each attending within its own frame; some blocks' outputs are also merged for DeepStack.
/// </summary>
internal sealed unsafe class VisionTower : PoolJob, IDisposable
{
    private const float Epsilon = 1e-6f;

    private readonly VisionConfig vision;
    private readonly VisionWeights weights;
    private readonly WorkerPool pool;
    private readonly VisionPositions positions;
    private readonly VisionMerger merger;
    private readonly KvPages pages;
    private readonly Scratch scratch;
    private readonly AttentionRows attention;
    private readonly int headDim;
    private AlignedMemory buffer = new(0);
    private Frame[] frames = [];
    private int[] frameOf = [];
    private Stage stage;
    private int current;
    private int count;
    private int block;
    private AttentionChunks chunks;
    private float* patches;
    private float* hidden;
    private float* normed;
    private float* stacked;
    private float* attended;
    private float* inner;
    private float* angles;

    public VisionTower(VisionConfig vision, VisionWeights weights, WorkerPool pool)
    {
        this.vision = vision;
        this.weights = weights;
        this.pool = pool;
        headDim = vision.Hidden / vision.Heads;
        positions = new VisionPositions(vision);
        merger = new VisionMerger(vision, pool);
        pages = new KvPages(1, vision.Heads, headDim, KernelSet.Best);
        scratch = new Scratch(pool.Threads);
        attention = new AttentionRows { KeyValueHeads = vision.Heads, Group = 1, OutputStride = vision.Hidden };
    }

    private enum Stage
    {
        EmbedPatches,
        EmbedPositions,
        StoreKeysAndValues,
        Attend,
        Transform,
    }

    /// <summary>Encodes patches [N, PatchLength] of the images with these grids.</summary>
    public VisionFeatures Encode(ReadOnlySpan<float> input, IReadOnlyList<ImageGrid> grids, Observer? observe = null)
    {
        fixed (float* pointer = input)
        {
            patches = pointer;
            Arrange(grids);
            Dispatch(Stage.EmbedPatches);
            Observe(observe, "vision.patch_embed");
            Dispatch(Stage.EmbedPositions);
            Observe(observe, "vision.embedded");
            AlignedMemory[] deepstack = new AlignedMemory[vision.DeepstackIndexes.Count];
            for (current = 0; current < vision.Depth; current++)
            {
                Dispatch(Stage.StoreKeysAndValues);
                Dispatch(Stage.Attend);
                Dispatch(Stage.Transform);
                Observe(observe, $"vision.block.{current}");
                for (int level = 0; level < vision.DeepstackIndexes.Count; level++)
                {
                    if (vision.DeepstackIndexes[level] == current)
                    {
                        deepstack[level] = merger.Merge(weights.Deepstack[level], hidden, count);
                        Observe(observe, $"vision.deepstack.{level}", deepstack[level]);
                    }
                }
            }

            foreach (Frame frame in frames)
            {
                frame.Sequence.Clear();
            }

            AlignedMemory merged = merger.Merge(weights.Merger, hidden, count);
            Observe(observe, "vision.merged", merged);
            return new VisionFeatures(merged, deepstack);
        }
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int first = chunk * block, end = Math.Min(first + block, count);
        switch (stage)
        {
            case Stage.EmbedPatches:
                weights.PatchEmbedding.Weight.Multiply(
                    patches + ((long)first * vision.PatchLength), vision.PatchLength, Row(hidden, first), vision.Hidden, end - first);
                AddBias(weights.PatchEmbedding, hidden, vision.Hidden, first, end);
                break;
            case Stage.EmbedPositions:
                EmbedPositions(first, end);
                break;
            case Stage.StoreKeysAndValues:
                StoreKeysAndValues(weights.Blocks[current], first, end);
                break;
            case Stage.Attend:
                int head = chunks.Head(chunk);
                Attention.Run(attention, pages, 0, chunks.First(chunk), chunks.End(chunk), head, head + 1, scratch[worker]);
                break;
            default:
                Transform(weights.Blocks[current], first, end);
                break;
        }
    }

    public void Dispose()
    {
        buffer.Dispose();
        scratch.Dispose();
        pages.Dispose();
        merger.Dispose();
    }

    private static void AddBias(BiasedLinear linear, float* target, int width, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            RowKernels.Add(target + ((long)row * width), linear.Bias.Floats, width);
        }
    }

    private void Arrange(IReadOnlyList<ImageGrid> grids)
    {
        count = grids.Sum(grid => grid.Patches);
        block = Math.Clamp(count / (pool.Threads * 2 * 8) * 8, 8, 64);
        int[] widths = [vision.Hidden, vision.Hidden, 3 * vision.Hidden, vision.Hidden, vision.Hidden, vision.Intermediate, headDim];
        long needed = widths.Sum(width => ((long)count * width) + 16);
        if (buffer.Length < needed * sizeof(float))
        {
            buffer.Dispose();
            buffer = AlignedMemory.OfFloats(needed);
        }

        float* next = buffer.Floats;
        hidden = Take(ref next, widths[0]);
        normed = Take(ref next, widths[1]);
        stacked = Take(ref next, widths[2]);
        attention.Queries = Take(ref next, widths[3]);
        attended = attention.Output = Take(ref next, widths[4]);
        inner = Take(ref next, widths[5]);
        angles = Take(ref next, widths[6]);
        attention.QueriesOfHead = (long)count * headDim;
        AssignFrames(grids);
        chunks = new AttentionChunks(count, vision.Heads, attention.Group);
        scratch.Require(Attention.ScratchFloats(chunks.Block, attention.Group, frames.Max(frame => frame.Length), pages));
    }

    private float* Take(ref float* next, int width)
    {
        float* taken = next;
        next += ((((long)count * width) + 15) / 16) * 16;
        return taken;
    }

    private void AssignFrames(IReadOnlyList<ImageGrid> grids)
    {
        List<Frame> list = [];
        frameOf = new int[count];
        attention.Sequences = new KvSequence[count];
        attention.Visible = new int[count];
        int row = 0;
        foreach (ImageGrid grid in grids)
        {
            for (int t = 0; t < grid.T; t++)
            {
                Frame frame = new(grid, row, grid.H * grid.W, new KvSequence(pages));
                frame.Sequence.Extend(frame.Length);
                frameOf.AsSpan(row, frame.Length).Fill(list.Count);
                attention.Sequences.AsSpan(row, frame.Length).Fill(frame.Sequence);
                attention.Visible.AsSpan(row, frame.Length).Fill(frame.Length);
                list.Add(frame);
                row += frame.Length;
            }
        }

        frames = [.. list];
    }

    private void EmbedPositions(int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            Frame frame = frames[frameOf[row]];
            positions.AddLearned(frame.Grid, row - frame.First, weights.Positions.Floats, Row(hidden, row));
            positions.Angles(frame.Grid, row - frame.First, angles + ((long)row * headDim));
        }
    }

    private void StoreKeysAndValues(VisionBlockWeights part, int first, int end)
    {
        Normalise(part.Norm1, first, end);
        int width = 3 * vision.Hidden;
        part.QueryKeyValue.Weight.Multiply(Row(normed, first), vision.Hidden, stacked + ((long)first * width), width, end - first);
        AddBias(part.QueryKeyValue, stacked, width, first, end);
        float* key = stackalloc float[headDim];
        float scale = 1f / MathF.Sqrt(headDim);
        for (int row = first; row < end; row++)
        {
            Frame frame = frames[frameOf[row]];
            float* turn = angles + ((long)row * headDim);
            for (int head = 0; head < vision.Heads; head++)
            {
                float* query = stacked + ((long)row * width) + (head * headDim);
                RowKernels.Rotate(query, turn, attention.Queries + (head * attention.QueriesOfHead) + ((long)row * headDim), headDim, scale);
                RowKernels.Rotate(query + vision.Hidden, turn, key, headDim, 1f);
                frame.Sequence.Write(0, head, row - frame.First, key, query + (2 * vision.Hidden));
            }
        }
    }

    private void Transform(VisionBlockWeights part, int first, int end)
    {
        part.Projection.Weight.Multiply(Row(attended, first), vision.Hidden, Row(hidden, first), vision.Hidden, end - first, accumulate: true);
        AddBias(part.Projection, hidden, vision.Hidden, first, end);
        Normalise(part.Norm2, first, end);
        float* up = inner + ((long)first * vision.Intermediate);
        part.Up.Weight.Multiply(Row(normed, first), vision.Hidden, up, vision.Intermediate, end - first);
        for (int row = 0; row < end - first; row++)
        {
            RowKernels.BiasGelu(up + ((long)row * vision.Intermediate), part.Up.Bias.Floats, vision.Intermediate, tanh: true);
        }

        part.Down.Weight.Multiply(up, vision.Intermediate, Row(hidden, first), vision.Hidden, end - first, accumulate: true);
        AddBias(part.Down, hidden, vision.Hidden, first, end);
    }

    private void Normalise(AffineNorm norm, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            RowKernels.LayerNorm(Row(hidden, row), norm.Weight.Floats, norm.Bias.Floats, Row(normed, row), vision.Hidden, Epsilon);
        }
    }

    private float* Row(float* matrix, int row) => matrix + ((long)row * vision.Hidden);

    private void Dispatch(Stage next)
    {
        stage = next;
        pool.Run(this, next == Stage.Attend ? chunks.Count : (count + block - 1) / block);
    }

    private void Observe(Observer? observe, string name) => observe?.Invoke(name, new ReadOnlySpan<float>(hidden, count * vision.Hidden));

    private static void Observe(Observer? observe, string name, AlignedMemory values) =>
        observe?.Invoke(name, new ReadOnlySpan<float>(values.Floats, (int)(values.Length / sizeof(float))));

    private sealed record Frame(ImageGrid Grid, int First, int Length, KvSequence Sequence);
}
