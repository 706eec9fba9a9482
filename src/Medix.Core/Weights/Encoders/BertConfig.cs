using Medix.Runs;

namespace Medix.Weights.Encoders;

/// <summary>The nonlinearity of an encoder's feed-forward layers.</summary>
public enum BertActivation
{
    /// <summary>x · Φ(x), by the error function.</summary>
    Gelu,

    /// <summary>GELU by its tanh approximation.</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>
/// The shape of a BERT encoder (arXiv 1810.04805): token, position and type embeddings, then layers of bidirectional attention and a feed-forward part,
/// each followed by addition and LayerNorm.
/// </summary>
public sealed record BertConfig(
    int VocabularySize, int Hidden, int Layers, int Heads, int Intermediate, int MaxPositions, int TypeVocabulary, double Epsilon, BertActivation Activation)
{
    private static readonly Dictionary<string, BertActivation> Activations = new(StringComparer.Ordinal)
    {
        ["gelu"] = BertActivation.Gelu, ["gelu_python"] = BertActivation.Gelu, ["gelu_new"] = BertActivation.GeluTanh,
        ["gelu_fast"] = BertActivation.GeluTanh, ["gelu_pytorch_tanh"] = BertActivation.GeluTanh, ["relu"] = BertActivation.Relu,
    };

    /// <summary>Width of one attention head.</summary>
    public int HeadDim => Hidden / Heads;

    /// <summary>
    /// Reads a BERT model's <c>config.json</c>. Throws <see cref="MedixException"/> naming file and field; a setting that is not implemented is an error.
    /// </summary>
    public static BertConfig Read(string configJsonPath)
    {
        JsonFields root = JsonFields.Load(configJsonPath);
        if (root.Has("position_embedding_type") && root.Text("position_embedding_type") != "absolute")
        {
            throw root.Wrong("position_embedding_type", "\"absolute\", the only kind implemented");
        }

        foreach (string unsupported in (string[])["is_decoder", "add_cross_attention"])
        {
            if (root.Bool(unsupported, false))
            {
                throw root.Wrong(unsupported, "false: only encoders are implemented");
            }
        }

        BertConfig config = new(
            root.Int("vocab_size"), root.Int("hidden_size"), root.Int("num_hidden_layers"), root.Int("num_attention_heads"), root.Int("intermediate_size"),
            root.Int("max_position_embeddings", 2), root.Int("type_vocab_size"), root.Positive("layer_norm_eps"),
            Activations.TryGetValue(root.Text("hidden_act"), out BertActivation activation)
                ? activation
                : throw root.Wrong("hidden_act", $"one of {string.Join(", ", Activations.Keys)}"));
        return config.Hidden % config.Heads == 0 ? config : throw root.Wrong("num_attention_heads", $"a divisor of the hidden_size {config.Hidden}");
    }
}

/// <summary>The published names and shapes of a BERT encoder's tensors, without the prefix <c>bert.</c> of models with a head; matrices are [out, in].</summary>
public static class BertTensors
{
    /// <summary>The pooler, which sentence embeddings do not use and files may lack.</summary>
    public const string Pooler = "pooler.dense";

    /// <summary>All tensors of the encoder, in the order they are used; the pooler is not among them.</summary>
    public static IEnumerable<ExpectedTensor> Of(BertConfig config)
    {
        long hidden = config.Hidden;
        yield return new("embeddings.word_embeddings.weight", [config.VocabularySize, hidden]);
        yield return new("embeddings.position_embeddings.weight", [config.MaxPositions, hidden]);
        yield return new("embeddings.token_type_embeddings.weight", [config.TypeVocabulary, hidden]);
        foreach (ExpectedTensor tensor in Affine("embeddings.LayerNorm", hidden))
        {
            yield return tensor;
        }

        for (int layer = 0; layer < config.Layers; layer++)
        {
            string prefix = Layer(layer);
            ExpectedTensor[] tensors =
            [
                .. Affine(prefix + "attention.self.query", hidden, hidden),
                .. Affine(prefix + "attention.self.key", hidden, hidden),
                .. Affine(prefix + "attention.self.value", hidden, hidden),
                .. Affine(prefix + "attention.output.dense", hidden, hidden),
                .. Affine(prefix + "attention.output.LayerNorm", hidden),
                .. Affine(prefix + "intermediate.dense", config.Intermediate, hidden),
                .. Affine(prefix + "output.dense", hidden, config.Intermediate),
                .. Affine(prefix + "output.LayerNorm", hidden),
            ];
            foreach (ExpectedTensor tensor in tensors)
            {
                yield return tensor;
            }
        }
    }

    /// <summary>The pooler's tensors.</summary>
    public static IEnumerable<ExpectedTensor> PoolerOf(BertConfig config) => Affine(Pooler, config.Hidden, config.Hidden);

    /// <summary>The prefix of a layer's tensors.</summary>
    public static string Layer(int layer) => $"encoder.layer.{layer}.";

    /// <summary>The name without a model's prefix, and with today's words for the two parts of a LayerNorm.</summary>
    public static string Canonical(string found)
    {
        string name = found.StartsWith("bert.", StringComparison.Ordinal) ? found["bert.".Length..] : found;
        return name.EndsWith(".LayerNorm.gamma", StringComparison.Ordinal) ? name[..^"gamma".Length] + "weight"
            : name.EndsWith(".LayerNorm.beta", StringComparison.Ordinal) ? name[..^"beta".Length] + "bias"
            : name;
    }

    private static ExpectedTensor[] Affine(string name, params long[] shape) => [new(name + ".weight", shape), new(name + ".bias", [shape[0]])];
}
