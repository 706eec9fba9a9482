using System.Text.Json.Serialization;

namespace Medix.Weights.Inspection;

/// <summary>What kind of folder or file was inspected.</summary>
public enum ModelKind
{
    /// <summary>A decoder that generates text, with or without a vision tower.</summary>
    LanguageModel,

    /// <summary>A BERT encoder.</summary>
    Encoder,

    /// <summary>A vector for each subword.</summary>
    StaticEmbedder,

    /// <summary>A vector for each word.</summary>
    WordVectors,

    /// <summary>A PEFT adapter, which changes another model's weights.</summary>
    Adapter,

    /// <summary>Tensors of which no configuration says what they are.</summary>
    Tensors,

    /// <summary>A model in GGUF form, which brings its own configuration and tokenizer.</summary>
    Gguf,
}

/// <summary>
/// One tensor as the files' headers, or for weights that are not there the index and the configuration, describe it. <paramref name="DType"/>,
/// <paramref name="Shape"/>, <paramref name="Parameters"/> and <paramref name="Bytes"/> are null where nothing tells; <paramref name="Shard"/> is a file's name,
/// null where there is neither file nor index; <paramref name="Present"/> says whether the file with its values is there.
/// </summary>
public sealed record TensorEntry(
    string Name, [property: JsonPropertyName("dtype")] string? DType, IReadOnlyList<long>? Shape, long? Parameters, long? Bytes, string? Shard, bool Present);

/// <summary>All tensors of one element type; <paramref name="DType"/> is <c>unknown</c> where neither header nor configuration names it.</summary>
public sealed record DTypeTotal([property: JsonPropertyName("dtype")] string DType, int Tensors, long Parameters, long Bytes);

/// <summary>
/// Numbers of weights. <paramref name="Text"/>, <paramref name="Vision"/> and <paramref name="Active"/> are given for language models only;
/// <paramref name="Active"/> counts the text weights that one token passes through: of each mixture only the experts it is routed to.
/// </summary>
public sealed record ParameterCounts(long Total, long? Text = null, long? Vision = null, long? Active = null);

/// <summary>Bytes of keys and values that a language model keeps for each token of context, by the precision they are kept in.</summary>
public sealed record CacheSize(long Bf16BytesPerToken, long Fp32BytesPerToken);

/// <summary>
/// A folder's tokenizer. <paramref name="Vocabulary"/> counts tokens, added ones included, null where the file is of a kind that is not read;
/// <paramref name="File"/> is the file that says so.
/// </summary>
public sealed record TokenizerSummary(string Kind, int? Vocabulary, bool ChatTemplate, string File)
{
    /// <summary>The largest id of a token, -1 where it is not known.</summary>
    [JsonIgnore]
    public int LargestId { get; init; } = -1;
}

/// <summary>The licence as the model card's front matter or the text of a licence file names it; <paramref name="Source"/> is that file's name.</summary>
public sealed record LicenceSummary(string Name, string Source);

/// <summary>What a language model keeps for each token, and what the files beside its weights are; null what is not there.</summary>
public sealed record ModelCompanions(CacheSize Cache, TokenizerSummary? Tokenizer, LicenceSummary? Licence);

/// <summary>
/// What <c>medix inspect</c> knows of a model without reading a single weight. <paramref name="Summary"/> is its shape in one line; <paramref name="Faults"/> say why
/// the model would not load, at most <see cref="MaxFaults"/> of them; <paramref name="Notes"/> are worth knowing and do no harm.
/// </summary>
public sealed record ModelReport(
    string Path,
    ModelKind Kind,
    string Architecture,
    string Summary,
    ParameterCounts Parameters,
    [property: JsonPropertyName("dtypes")] IReadOnlyList<DTypeTotal> DTypes,
    int TensorCount,
    IReadOnlyList<TensorEntry>? Tensors,
    IReadOnlyList<string> Shards,
    IReadOnlyList<string> MissingShards,
    CacheSize? Cache,
    TokenizerSummary? Tokenizer,
    LicenceSummary? Licence,
    IReadOnlyList<string> Faults,
    IReadOnlyList<string> Notes)
{
    /// <summary>How many faults are looked for before the search ends.</summary>
    public const int MaxFaults = 20;
}
