using System.Numerics.Tensors;
using Medix.Judging;
using Microsoft.Extensions.AI;

namespace Medix.Rewards;

/// <summary>Two texts to be compared by their embeddings.</summary>
internal readonly record struct TextPair(string First, string Second);

/// <summary>The cosine of two texts' embeddings, NaN with the reason where there is none.</summary>
internal readonly record struct Similarity(double Cosine, string? Failure);

/// <summary>A cosine of two vectors of equal length.</summary>
internal delegate double CosineFunction(ReadOnlySpan<float> first, ReadOnlySpan<float> second);

/// <summary>Embeds pairs of texts in bounded chunks, each text of a chunk once, so that memory stays small and a failure costs one chunk.</summary>
internal static class TextPairs
{
    private const int ChunkPairs = 128;

    /// <summary>One similarity per pair, in order. Throws only when cancelled or for a defect.</summary>
    public static async Task<Similarity[]> CompareAsync(
        IEmbeddingGenerator<string, Embedding<float>> embedder, TextPair[] pairs, CosineFunction cosine, CancellationToken cancellationToken)
    {
        Similarity[] similarities = new Similarity[pairs.Length];
        for (int start = 0; start < pairs.Length; start += ChunkPairs)
        {
            Range chunk = start..Math.Min(pairs.Length, start + ChunkPairs);
            await CompareChunkAsync(embedder, pairs.AsMemory(chunk), similarities.AsMemory(chunk), cosine, cancellationToken).ConfigureAwait(false);
        }

        return similarities;
    }

    /// <summary>
    /// Cosine of two vectors; 0 when one is all zeros, since a text that embeds to nothing is like no other and must not count as a failure.
    /// </summary>
    public static double Cosine(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        float lengths = TensorPrimitives.SumOfSquares(first) * TensorPrimitives.SumOfSquares(second);
        return lengths == 0 ? 0 : TensorPrimitives.Dot(first, second) / Math.Sqrt(lengths);
    }

    private static async Task CompareChunkAsync(
        IEmbeddingGenerator<string, Embedding<float>> embedder, ReadOnlyMemory<TextPair> pairs, Memory<Similarity> similarities, CosineFunction cosine,
        CancellationToken cancellationToken)
    {
        Dictionary<string, int> places = new(StringComparer.Ordinal);
        foreach (TextPair pair in pairs.Span)
        {
            places.TryAdd(pair.First, places.Count);
            places.TryAdd(pair.Second, places.Count);
        }

        try
        {
            GeneratedEmbeddings<Embedding<float>> vectors = await embedder.GenerateAsync(places.Keys, null, cancellationToken).ConfigureAwait(false);
            if (vectors.Count != places.Count)
            {
                throw new InvalidDataException($"{vectors.Count} embeddings for {places.Count} texts");
            }

            for (int i = 0; i < pairs.Length; i++)
            {
                TextPair pair = pairs.Span[i];
                similarities.Span[i] = Compare(vectors[places[pair.First]].Vector.Span, vectors[places[pair.Second]].Vector.Span, cosine);
            }
        }
        catch (Exception failure) when (ModelJudge.Reason(failure, cancellationToken) is not null)
        {
            similarities.Span.Fill(new Similarity(double.NaN, "embedder: " + ModelJudge.Reason(failure, cancellationToken)));
        }
    }

    private static Similarity Compare(ReadOnlySpan<float> first, ReadOnlySpan<float> second, CosineFunction cosine)
    {
        if (first.Length != second.Length)
        {
            return new Similarity(double.NaN, $"embedder: vectors of {first.Length} and {second.Length} values");
        }

        double value = cosine(first, second);
        return double.IsFinite(value) ? new Similarity(value, null) : new Similarity(double.NaN, "embedder: a vector with NaN, or infinite values");
    }
}
