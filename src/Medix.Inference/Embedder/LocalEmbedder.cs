using Medix.Weights.Encoders;
using Microsoft.Extensions.AI;

namespace Medix.Inference.Embedder;

/// <summary>
/// One text's vector. <paramref name="Tokens"/> were read, special ones included; <paramref name="Cut"/> were left out because the text is longer than
/// the model reads.
/// </summary>
public sealed record TextEmbedding(float[] Vector, int Tokens, int Cut);

/// <summary>
/// What is known about an embedder. <paramref name="MaxTokens"/> is null where texts may have any length; vectors have length 1 (or are all zeros)
/// where <paramref name="Normalized"/> is true.
/// </summary>
public sealed record EmbedderInfo(string Name, EmbedderKind Kind, int Dimensions, int? MaxTokens, PoolingMode Pooling, bool Normalized);

/// <summary>
/// An embedder that runs here: texts to vectors, deterministic whatever texts come with it in one call. Safe for use from many threads; calls take turns.
/// </summary>
public abstract class LocalEmbedder : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly EmbeddingGeneratorMetadata metadata;
    private readonly Lock gate = new();

    /// <summary>Creates the embedder.</summary>
    private protected LocalEmbedder(EmbedderInfo info)
    {
        Info = info;
        metadata = new EmbeddingGeneratorMetadata("medix", null, info.Name, info.Dimensions);
    }

    /// <summary>Name, kind and sizes.</summary>
    public EmbedderInfo Info { get; }

    /// <summary>The vectors of some texts, in their order. Uses all cores.</summary>
    public IReadOnlyList<TextEmbedding> Embed(IReadOnlyList<string> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        lock (gate)
        {
            return EmbedAlone(texts, cancellationToken);
        }
    }

    /// <inheritdoc/>
    /// <remarks>An embedding's <c>tokensCut</c> counts what did not fit. The options are not looked at: there is one model and one size.</remarks>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        string[] texts = [.. values];
        return Task.Run(() => Wrap(Embed(texts, cancellationToken)), cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>The same with no other call at the same time.</summary>
    private protected abstract IReadOnlyList<TextEmbedding> EmbedAlone(IReadOnlyList<string> texts, CancellationToken cancellationToken);

    private static GeneratedEmbeddings<Embedding<float>> Wrap(IReadOnlyList<TextEmbedding> texts)
    {
        GeneratedEmbeddings<Embedding<float>> embeddings = [];
        foreach (TextEmbedding text in texts)
        {
            Embedding<float> embedding = new(text.Vector);
            if (text.Cut > 0)
            {
                embedding.AdditionalProperties = new AdditionalPropertiesDictionary { ["tokensCut"] = text.Cut };
            }

            embeddings.Add(embedding);
        }

        long tokens = texts.Sum(text => (long)text.Tokens);
        embeddings.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
        return embeddings;
    }
}
