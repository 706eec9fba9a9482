using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>A Linear layer with bias.</summary>
internal sealed class BiasedLinear(int n, int k, WeightStorage storage) : IDisposable
{
    public PackedMatrix Weight { get; } = new(n, k, storage);

    public AlignedMemory Bias { get; } = AlignedMemory.OfFloats(n);

    public void Load(string name, WeightLoader loader)
    {
        loader.Read(name + ".weight", Weight);
        loader.Read(name + ".bias", Bias);
    }

    public void Dispose()
    {
        Weight.Dispose();
        Bias.Dispose();
    }
}

/// <summary>A LayerNorm's weight and bias.</summary>
internal sealed class AffineNorm(int width) : IDisposable
{
    public AlignedMemory Weight { get; } = AlignedMemory.OfFloats(width);

    public AlignedMemory Bias { get; } = AlignedMemory.OfFloats(width);

    public void Load(string name, WeightLoader loader)
    {
        loader.Read(name + ".weight", Weight);
        loader.Read(name + ".bias", Bias);
    }

    public void Dispose()
    {
        Weight.Dispose();
        Bias.Dispose();
    }
}

/// <summary>One vision block's parameters.</summary>
internal sealed class VisionBlockWeights(VisionConfig vision, WeightStorage storage) : IDisposable
{
    public AffineNorm Norm1 { get; } = new(vision.Hidden);

    public BiasedLinear QueryKeyValue { get; } = new(3 * vision.Hidden, vision.Hidden, storage);

    public BiasedLinear Projection { get; } = new(vision.Hidden, vision.Hidden, storage);

    public AffineNorm Norm2 { get; } = new(vision.Hidden);

    public BiasedLinear Up { get; } = new(vision.Intermediate, vision.Hidden, storage);

    public BiasedLinear Down { get; } = new(vision.Hidden, vision.Intermediate, storage);

    public void Load(string prefix, WeightLoader loader)
    {
        Norm1.Load(prefix + "norm1", loader);
        QueryKeyValue.Load(prefix + "attn.qkv", loader);
        Projection.Load(prefix + "attn.proj", loader);
        Norm2.Load(prefix + "norm2", loader);
        Up.Load(prefix + "mlp.linear_fc1", loader);
        Down.Load(prefix + "mlp.linear_fc2", loader);
    }

    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[Norm1, QueryKeyValue, Projection, Norm2, Up, Down])
        {
            part.Dispose();
        }
    }
}

/// <summary>
/// A merger's parameters: it joins the patches of a square into one token of the decoder's width. The main merger normalises each patch, those of DeepStack
/// the joined ones (<paramref name="normAfterGrouping"/>).
/// </summary>
internal sealed class MergerWeights(VisionConfig vision, WeightStorage storage, bool normAfterGrouping) : IDisposable
{
    /// <summary>Width of the joined patches.</summary>
    public int Grouped { get; } = vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize;

    public bool NormAfterGrouping => normAfterGrouping;

    public AffineNorm Norm { get; } = new(vision.Hidden * (normAfterGrouping ? vision.SpatialMergeSize * vision.SpatialMergeSize : 1));

    public BiasedLinear First { get; } = new(
        vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize, vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize, storage);

    public BiasedLinear Second { get; } = new(vision.OutHidden, vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize, storage);

    public void Load(string prefix, WeightLoader loader)
    {
        Norm.Load(prefix + "norm", loader);
        First.Load(prefix + "linear_fc1", loader);
        Second.Load(prefix + "linear_fc2", loader);
    }

    public void Dispose()
    {
        Norm.Dispose();
        First.Dispose();
        Second.Dispose();
    }
}

/// <summary>The vision tower's parameters.</summary>
internal sealed class VisionWeights(VisionConfig vision, WeightStorage storage) : IDisposable
{
    public BiasedLinear PatchEmbedding { get; } = new(vision.Hidden, vision.PatchLength, storage);

    /// <summary>The learned position table, [PositionEmbeddings, Hidden].</summary>
    public AlignedMemory Positions { get; } = AlignedMemory.OfFloats((long)vision.PositionEmbeddings * vision.Hidden);

    public IReadOnlyList<VisionBlockWeights> Blocks { get; } = [.. Enumerable.Range(0, vision.Depth).Select(_ => new VisionBlockWeights(vision, storage))];

    public MergerWeights Merger { get; } = new(vision, storage, normAfterGrouping: false);

    public IReadOnlyList<MergerWeights> Deepstack { get; } =
        [.. vision.DeepstackIndexes.Select(_ => new MergerWeights(vision, storage, normAfterGrouping: true))];

    /// <summary>Every matrix.</summary>
    public IEnumerable<PackedMatrix> Matrices =>
    [
        PatchEmbedding.Weight,
        .. Blocks.SelectMany(block => (PackedMatrix[])[block.QueryKeyValue.Weight, block.Projection.Weight, block.Up.Weight, block.Down.Weight]),
        .. Deepstack.Append(Merger).SelectMany(merger => (PackedMatrix[])[merger.First.Weight, merger.Second.Weight]),
    ];

    public void Load(WeightLoader loader)
    {
        PatchEmbedding.Load(ModelTensors.VisionPrefix + "patch_embed.proj", loader);
        loader.Read(ModelTensors.VisionPrefix + "pos_embed.weight", Positions);
        for (int block = 0; block < Blocks.Count; block++)
        {
            Blocks[block].Load($"{ModelTensors.VisionPrefix}blocks.{block}.", loader);
        }

        Merger.Load(ModelTensors.VisionPrefix + "merger.", loader);
        for (int i = 0; i < Deepstack.Count; i++)
        {
            Deepstack[i].Load($"{ModelTensors.VisionPrefix}deepstack_merger_list.{i}.", loader);
        }
    }

    public void Dispose()
    {
        PatchEmbedding.Dispose();
        Positions.Dispose();
        Merger.Dispose();
        foreach (IDisposable part in (IEnumerable<IDisposable>)[.. Blocks, .. Deepstack])
        {
            part.Dispose();
        }
    }
}
