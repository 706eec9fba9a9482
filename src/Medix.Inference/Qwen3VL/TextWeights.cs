using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>One decoder layer's parameters: query, key and value stacked into one matrix, gate and up into another; or experts in place of the MLP.</summary>
internal sealed class TextLayerWeights(TextConfig text, ModelMemory memory, int layer, bool sparse) : IDisposable
{
    private readonly int query = text.Heads * text.HeadDim;
    private readonly int keyValue = text.KeyValueHeads * text.HeadDim;

    public AlignedMemory InputNorm { get; } = memory.Vector($"layers.{layer}.input_norm", text.Hidden);

    public AlignedMemory QueryNorm { get; } = memory.Vector($"layers.{layer}.query_norm", text.HeadDim);

    public AlignedMemory KeyNorm { get; } = memory.Vector($"layers.{layer}.key_norm", text.HeadDim);

    public AlignedMemory MlpNorm { get; } = memory.Vector($"layers.{layer}.mlp_norm", text.Hidden);

    public PackedMatrix QueryKeyValue { get; } =
        memory.Matrix($"layers.{layer}.qkv", (text.Heads + (2 * text.KeyValueHeads)) * text.HeadDim, text.Hidden, memory.Plan.QueryKeyValue);

    public PackedMatrix Output { get; } = memory.Matrix($"layers.{layer}.output", text.Hidden, text.Heads * text.HeadDim, memory.Plan.Output);

    /// <summary>Empty where the layer is sparse.</summary>
    public PackedMatrix GateUp { get; } = memory.Matrix($"layers.{layer}.gate_up", sparse ? 0 : 2 * text.Intermediate, text.Hidden, memory.Plan.GateUp);

    /// <summary>Empty where the layer is sparse.</summary>
    public PackedMatrix Down { get; } = memory.Matrix($"layers.{layer}.down", text.Hidden, sparse ? 0 : text.Intermediate, memory.Plan.Down);

    /// <summary>The experts of a sparse layer, or null.</summary>
    public ExpertWeights? Experts { get; } = sparse ? new ExpertWeights(text, memory, layer) : null;

    /// <summary>The matrices of attention and MLP, without experts.</summary>
    public IEnumerable<PackedMatrix> Matrices => [QueryKeyValue, Output, GateUp, Down];

    public void Load(string prefix, WeightLoader loader)
    {
        loader.Read(prefix + "input_layernorm.weight", InputNorm);
        loader.Read(prefix + "self_attn.q_proj.weight", QueryKeyValue, 0, query);
        loader.Read(prefix + "self_attn.k_proj.weight", QueryKeyValue, query, keyValue);
        loader.Read(prefix + "self_attn.v_proj.weight", QueryKeyValue, query + keyValue, keyValue);
        loader.Read(prefix + "self_attn.q_norm.weight", QueryNorm);
        loader.Read(prefix + "self_attn.k_norm.weight", KeyNorm);
        loader.Read(prefix + "self_attn.o_proj.weight", Output);
        loader.Read(prefix + "post_attention_layernorm.weight", MlpNorm);
        if (Experts is not null)
        {
            Experts.Load(prefix + "mlp.", loader);
            return;
        }

        loader.Read(prefix + "mlp.gate_proj.weight", GateUp, 0, GateUp.N / 2);
        loader.Read(prefix + "mlp.up_proj.weight", GateUp, GateUp.N / 2, GateUp.N / 2);
        loader.Read(prefix + "mlp.down_proj.weight", Down);
    }

    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[InputNorm, QueryNorm, KeyNorm, MlpNorm, QueryKeyValue, Output, GateUp, Down])
        {
            part.Dispose();
        }

        Experts?.Dispose();
    }
}

/// <summary>The decoder's parameters. A tied head is the embedding itself, kept once.</summary>
internal sealed class TextWeights : IDisposable
{
    public TextWeights(TextConfig text, ModelMemory memory)
    {
        Embedding = memory.Matrix("embedding", text.VocabularySize, text.Hidden, memory.Plan.Embedding);
        Head = text.TieWordEmbeddings ? Embedding : memory.Matrix("head", text.VocabularySize, text.Hidden, memory.Plan.Head);
        FinalNorm = memory.Vector("norm", text.Hidden);
        Layers = [.. Enumerable.Range(0, text.Layers).Select(layer => new TextLayerWeights(text, memory, layer, ModelTensors.IsSparse(text, layer)))];
    }

    public PackedMatrix Embedding { get; }

    public PackedMatrix Head { get; }

    public AlignedMemory FinalNorm { get; }

    public IReadOnlyList<TextLayerWeights> Layers { get; }

    /// <summary>Bytes of what a token alone reads: the layers' matrices, of experts those it is sent to, and the head.</summary>
    public long Bytes => PerToken(matrix => matrix.Bytes) + Head.Bytes;

    /// <summary>Products of one token, without the head.</summary>
    public long ProductsPerToken => PerToken(matrix => (long)matrix.N * matrix.K);

    /// <summary>Every matrix once.</summary>
    public IEnumerable<PackedMatrix> Matrices =>
        [.. Layers.SelectMany(layer => layer.Experts is { } experts ? layer.Matrices.Concat(experts.Matrices) : layer.Matrices), .. new HashSet<PackedMatrix> { Embedding, Head }];

    public void Load(WeightLoader loader)
    {
        loader.Read(ModelTensors.TextPrefix + "embed_tokens.weight", Embedding);
        for (int layer = 0; layer < Layers.Count; layer++)
        {
            Layers[layer].Load($"{ModelTensors.TextPrefix}layers.{layer}.", loader);
        }

        loader.Read(ModelTensors.TextPrefix + "norm.weight", FinalNorm);
        if (Head != Embedding)
        {
            loader.Read(ModelTensors.Head, Head);
        }
    }

    private long PerToken(Func<PackedMatrix, long> size) => Layers.Sum(layer => layer.Matrices.Sum(size) + (layer.Experts?.PerToken(size) ?? 0));

    public void Dispose()
    {
        Embedding.Dispose();
        Head.Dispose();
        FinalNorm.Dispose();
        foreach (TextLayerWeights layer in Layers)
        {
            layer.Dispose();
        }
    }
}
