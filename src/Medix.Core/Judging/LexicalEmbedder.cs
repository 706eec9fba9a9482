using System.Numerics.Tensors;
using Microsoft.Extensions.AI;

namespace Medix.Judging;

/// <summary>
/// Embeds short texts without a model: their character 3- to 5-grams, word by word with the word's ends marked, hashed with a sign into a fixed number of
/// dimensions (Weinberger et al. 2009) and weighted by inverse document frequency over the training references; vectors have length 1. It sees
/// spelling, not meaning: words that are written alike are near. Deterministic, and fitted anew from the same references it is the same.
/// </summary>
public sealed class LexicalEmbedder : IEmbeddingGenerator<string, Embedding<float>>
{
    private const int Buckets = 1 << 16;
    private const int Shortest = 3;
    private const int Longest = 5;

    private readonly float[] _inverseFrequency;
    private readonly int _dimensions;

    private LexicalEmbedder(float[] inverseFrequency, int dimensions)
    {
        _inverseFrequency = inverseFrequency;
        _dimensions = dimensions;
    }

    /// <summary>
    /// Counts in how many of the references each n-gram occurs; the more, the less it weighs. <paramref name="dimensions"/> is a power of two, 64 to 65536.
    /// </summary>
    public static LexicalEmbedder Fit(IEnumerable<string> references, int dimensions = 2048)
    {
        if (dimensions is < 64 or > Buckets || !int.IsPow2(dimensions))
        {
            throw new ArgumentOutOfRangeException(nameof(dimensions), dimensions, "Expected a power of two, 64 to 65536.");
        }

        int[] counts = new int[Buckets];
        int[] lastSeen = new int[Buckets];
        int documents = 0;
        foreach (string reference in references)
        {
            documents++;
            int document = documents;
            ForEachGram(reference, hash =>
            {
                uint bucket = hash % Buckets;
                counts[bucket] += lastSeen[bucket] == document ? 0 : 1;
                lastSeen[bucket] = document;
            });
        }

        float[] inverse = [.. counts.Select(count => MathF.Log((1f + documents) / (1f + count)) + 1f)];
        return new LexicalEmbedder(inverse, dimensions);
    }

    /// <inheritdoc/>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        GeneratedEmbeddings<Embedding<float>> embeddings = [];
        foreach (string value in values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            embeddings.Add(new Embedding<float>(Embed(value)));
        }

        return Task.FromResult(embeddings);
    }

    /// <summary>One text's vector of length 1, or all zeros for a text without letters and digits.</summary>
    public float[] Embed(string text)
    {
        float[] vector = new float[_dimensions];
        uint mask = (uint)_dimensions - 1;
        ForEachGram(text, hash => vector[(hash >> 8) & mask] += (int)hash < 0 ? -_inverseFrequency[hash % Buckets] : _inverseFrequency[hash % Buckets]);
        float norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0)
        {
            TensorPrimitives.Divide(vector, norm, vector);
        }

        return vector;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null
        : serviceType == typeof(EmbeddingGeneratorMetadata) ? new EmbeddingGeneratorMetadata("lexical", null, "character n-grams", _dimensions)
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Hashes of all n-grams of all words; each word in lower case between two marks.</summary>
    private static void ForEachGram(string text, Action<uint> take)
    {
        string lower = text.ToLowerInvariant();
        Span<char> word = stackalloc char[64];
        int at = 0;
        while (at < lower.Length)
        {
            if (!InWord(lower[at]))
            {
                at++;
                continue;
            }

            int length = 1;
            word[0] = '\u0002';
            while (at < lower.Length && InWord(lower[at]) && length < word.Length - 1)
            {
                word[length++] = lower[at++];
            }

            word[length++] = '\u0003';
            Grams(word[..length], take);
        }
    }

    /// <summary>Letters and digits; those beyond the basic plane come as surrogates.</summary>
    private static bool InWord(char c) => char.IsLetterOrDigit(c) || char.IsSurrogate(c);

    private static void Grams(ReadOnlySpan<char> word, Action<uint> take)
    {
        for (int start = 0; start + Shortest <= word.Length; start++)
        {
            uint hash = 2166136261;
            int end = Math.Min(word.Length, start + Longest);
            for (int i = start; i < end; i++)
            {
                hash = (hash ^ word[i]) * 16777619;
                if (i - start + 1 >= Shortest)
                {
                    take(Mix(hash));
                }
            }
        }
    }

    /// <summary>Spreads the bits of an FNV-1a hash, whose low bits are weak for short inputs.</summary>
    private static uint Mix(uint hash)
    {
        hash ^= hash >> 16;
        hash *= 0x7FEB352D;
        hash ^= hash >> 15;
        hash *= 0x846CA68B;
        return hash ^ (hash >> 16);
    }
}
