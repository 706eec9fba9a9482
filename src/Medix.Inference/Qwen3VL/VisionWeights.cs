using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>A Linear layer with bias.</summary>
internal sealed class BiasedLinear(PackedMatrix weight, AlignedMemory bias) : IDisposable
{
    public BiasedLinear(int n, int k, WeightStorage storage)
        : this(new PackedMatrix(n, k, storage), AlignedMemory.OfFloats(n))
    {
    }

    /// <summary>A part of the vision tower.</summary>
    public BiasedLinear(ModelMemory memory, string name, int n, int k)
        : this(memory.Matrix(name, n, k, memory.Plan.Vision), memory.Vector(name + ".bias", n))
    {
    }

    public PackedMatrix Weight => weight;

    public AlignedMemory Bias => bias;

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
internal sealed class AffineNorm(AlignedMemory weight, AlignedMemory bias) : IDisposable
{
    public AffineNorm(int width)
        : this(AlignedMemory.OfFloats(width), AlignedMemory.OfFloats(width))
    {
    }

    public AffineNorm(ModelMemory memory, string name, int width)
        : this(memory.Vector(name, width), memory.Vector(name + ".bias", width))
    {
    }

    public AlignedMemory Weight => weight;

    public AlignedMemory Bias => bias;

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
internal sealed class VisionBlockWeights(VisionConfig vision, ModelMemory memory, int block) : IDisposable
{
    public AffineNorm Norm1 { get; } = new(memory, $"vision.blocks.{block}.norm1", vision.Hidden);

    public BiasedLinear QueryKeyValue { get; } = new(memory, $"vision.blocks.{block}.qkv", 3 * vision.Hidden, vision.Hidden);

    public BiasedLinear Projection { get; } = new(memory, $"vision.blocks.{block}.output", vision.Hidden, vision.Hidden);

    public AffineNorm Norm2 { get; } = new(memory, $"vision.blocks.{block}.norm2", vision.Hidden);

    public BiasedLinear Up { get; } = new(memory, $"vision.blocks.{block}.up", vision.Intermediate, vision.Hidden);

    public BiasedLinear Down { get; } = new(memory, $"vision.blocks.{block}.down", vision.Hidden, vision.Intermediate);

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
internal sealed class MergerWeights(VisionConfig vision, ModelMemory memory, string name, bool normAfterGrouping) : IDisposable
{
    /// <summary>Width of the joined patches.</summary>
    public int Grouped { get; } = vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize;

    public bool NormAfterGrouping => normAfterGrouping;

    public AffineNorm Norm { get; } =
        new(memory, name + ".norm", vision.Hidden * (normAfterGrouping ? vision.SpatialMergeSize * vision.SpatialMergeSize : 1));

    public BiasedLinear First { get; } = new(
        memory, name + ".first", vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize, vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize);

    public BiasedLinear Second { get; } = new(memory, name + ".second", vision.OutHidden, vision.Hidden * vision.SpatialMergeSize * vision.SpatialMergeSize);

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
internal sealed class VisionWeights(VisionConfig vision, ModelMemory memory) : IDisposable
{
    public BiasedLinear PatchEmbedding { get; } = new(memory, "vision.patch_embedding", vision.Hidden, vision.PatchLength);

    /// <summary>The learned position table, [PositionEmbeddings, Hidden].</summary>
    public AlignedMemory Positions { get; } = memory.Vector("vision.positions", (long)vision.PositionEmbeddings * vision.Hidden);

    public IReadOnlyList<VisionBlockWeights> Blocks { get; } =
        [.. Enumerable.Range(0, vision.Depth).Select(block => new VisionBlockWeights(vision, memory, block))];

    public MergerWeights Merger { get; } = new(vision, memory, "vision.merger", normAfterGrouping: false);

    public IReadOnlyList<MergerWeights> Deepstack { get; } =
        [.. vision.DeepstackIndexes.Select((_, i) => new MergerWeights(vision, memory, $"vision.deepstack.{i}", normAfterGrouping: true))];

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
