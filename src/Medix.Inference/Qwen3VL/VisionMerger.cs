using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>Joins the patches of each square, which lie one after the other, into one token of the decoder's width: norm, Linear, exact GELU, Linear.</summary>
internal sealed unsafe class VisionMerger(VisionConfig vision, WorkerPool pool) : PoolJob, IDisposable
{
    private const float Epsilon = 1e-6f;
    private const int Block = 16;

    private AlignedMemory normed = new(0);
    private AlignedMemory inner = new(0);
    private MergerWeights weights = null!;
    private float* hidden;
    private float* output;
    private int tokens;

    /// <summary>Merges hidden states [patches, Hidden] into [patches / square, OutHidden], a new piece of memory.</summary>
    public AlignedMemory Merge(MergerWeights merger, float* states, int patches)
    {
        weights = merger;
        hidden = states;
        tokens = patches / (vision.SpatialMergeSize * vision.SpatialMergeSize);
        long floats = (long)tokens * merger.Grouped;
        if (normed.Length < floats * sizeof(float))
        {
            normed.Dispose();
            inner.Dispose();
            normed = AlignedMemory.OfFloats(floats);
            inner = AlignedMemory.OfFloats(floats);
        }

        AlignedMemory result = AlignedMemory.OfFloats((long)tokens * vision.OutHidden);
        output = result.Floats;
        pool.Run(this, (tokens + Block - 1) / Block);
        return result;
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int first = chunk * Block, count = Math.Min(Block, tokens - first), grouped = weights.Grouped;
        float* from = normed.Floats + ((long)first * grouped), to = inner.Floats + ((long)first * grouped);
        int width = weights.NormAfterGrouping ? grouped : vision.Hidden;
        for (long i = 0; i < (long)count * grouped; i += width)
        {
            RowKernels.LayerNorm(hidden + ((long)first * grouped) + i, weights.Norm.Weight.Floats, weights.Norm.Bias.Floats, from + i, width, Epsilon);
        }

        weights.First.Weight.Multiply(from, grouped, to, grouped, count);
        for (int row = 0; row < count; row++)
        {
            RowKernels.BiasGelu(to + ((long)row * grouped), weights.First.Bias.Floats, grouped, tanh: false);
        }

        float* result = output + ((long)first * vision.OutHidden);
        weights.Second.Weight.Multiply(to, grouped, result, vision.OutHidden, count);
        for (int row = 0; row < count; row++)
        {
            RowKernels.Add(result + ((long)row * vision.OutHidden), weights.Second.Bias.Floats, vision.OutHidden);
        }
    }

    public void Dispose()
    {
        normed.Dispose();
        inner.Dispose();
    }
}
