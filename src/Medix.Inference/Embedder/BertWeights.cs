using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>One layer's parameters, in single precision.</summary>
internal sealed class BertLayerWeights(BertConfig config) : IDisposable
{
    public BiasedLinear Query { get; } = new(config.Hidden, config.Hidden, WeightStorage.Fp32);

    public BiasedLinear Key { get; } = new(config.Hidden, config.Hidden, WeightStorage.Fp32);

    public BiasedLinear Value { get; } = new(config.Hidden, config.Hidden, WeightStorage.Fp32);

    public BiasedLinear Projection { get; } = new(config.Hidden, config.Hidden, WeightStorage.Fp32);

    public AffineNorm AttentionNorm { get; } = new(config.Hidden);

    public BiasedLinear Up { get; } = new(config.Intermediate, config.Hidden, WeightStorage.Fp32);

    public BiasedLinear Down { get; } = new(config.Hidden, config.Intermediate, WeightStorage.Fp32);

    public AffineNorm OutputNorm { get; } = new(config.Hidden);

    public void Load(string prefix, WeightLoader loader)
    {
        Query.Load(prefix + "attention.self.query", loader);
        Key.Load(prefix + "attention.self.key", loader);
        Value.Load(prefix + "attention.self.value", loader);
        Projection.Load(prefix + "attention.output.dense", loader);
        AttentionNorm.Load(prefix + "attention.output.LayerNorm", loader);
        Up.Load(prefix + "intermediate.dense", loader);
        Down.Load(prefix + "output.dense", loader);
        OutputNorm.Load(prefix + "output.LayerNorm", loader);
    }

    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[Query, Key, Value, Projection, AttentionNorm, Up, Down, OutputNorm])
        {
            part.Dispose();
        }
    }
}

/// <summary>A BERT encoder's parameters.</summary>
internal sealed class BertWeights(BertConfig config) : IDisposable
{
    /// <summary>[VocabularySize, Hidden].</summary>
    public AlignedMemory Words { get; } = AlignedMemory.OfFloats((long)config.VocabularySize * config.Hidden);

    /// <summary>[MaxPositions, Hidden].</summary>
    public AlignedMemory Positions { get; } = AlignedMemory.OfFloats((long)config.MaxPositions * config.Hidden);

    /// <summary>[TypeVocabulary, Hidden].</summary>
    public AlignedMemory Types { get; } = AlignedMemory.OfFloats((long)config.TypeVocabulary * config.Hidden);

    public AffineNorm Norm { get; } = new(config.Hidden);

    public IReadOnlyList<BertLayerWeights> Layers { get; } = [.. Enumerable.Range(0, config.Layers).Select(_ => new BertLayerWeights(config))];

    /// <summary>A layer over the first token's vector; null where the files have none.</summary>
    public BiasedLinear? Pooler { get; private set; }

    public void Load(WeightLoader loader, bool pooler)
    {
        loader.Read("embeddings.word_embeddings.weight", Words);
        loader.Read("embeddings.position_embeddings.weight", Positions);
        loader.Read("embeddings.token_type_embeddings.weight", Types);
        Norm.Load("embeddings.LayerNorm", loader);
        for (int layer = 0; layer < Layers.Count; layer++)
        {
            Layers[layer].Load(BertTensors.Layer(layer), loader);
        }

        if (pooler)
        {
            Pooler = new BiasedLinear(config.Hidden, config.Hidden, WeightStorage.Fp32);
            Pooler.Load(BertTensors.Pooler, loader);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable? part in (IEnumerable<IDisposable?>)[Words, Positions, Types, Norm, .. Layers, Pooler])
        {
            part?.Dispose();
        }
    }
}
