using System.Numerics.Tensors;
using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>
/// Word vectors (GloVe and the like): the mean of the vectors of a text's words, each looked up as it is written, then in lower case. Words without a vector,
/// or with one of zeros, are left out. The files are those of <see cref="WordVectors"/>.
/// </summary>
public sealed class WordEmbedder : LocalEmbedder
{
    private readonly WordVectors vectors;

    private WordEmbedder(EmbedderInfo info, WordVectors vectors)
        : base(info) => this.vectors = vectors;

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    internal static WordEmbedder Open(string name, EmbedderFiles files)
    {
        WordVectors vectors = WordVectors.Read(files.ModelFolder);
        EmbedderInfo info = new(name, EmbedderKind.Words, vectors.Dimensions, null, PoolingMode.Mean, files.Normalize);
        return new WordEmbedder(info, vectors);
    }

    private protected override IReadOnlyList<TextEmbedding> EmbedAlone(IReadOnlyList<string> texts, CancellationToken cancellationToken) =>
        [.. texts.Select(Embed)];

    private TextEmbedding Embed(string text)
    {
        float[] sum = new float[Info.Dimensions];
        int found = 0;
        foreach (string word in Words(text))
        {
            if (vectors.TryFind(word, out ReadOnlySpan<float> vector) || vectors.TryFind(word.ToLowerInvariant(), out vector))
            {
                TensorPrimitives.Add(sum, vector, sum);
                found++;
            }
        }

        Vectors.Normalise(sum);
        return new TextEmbedding(sum, found, 0);
    }

    /// <summary>Letters and digits, with the hyphens and apostrophes between them.</summary>
    private static IEnumerable<string> Words(string text)
    {
        int start = -1;
        for (int i = 0; i <= text.Length; i++)
        {
            bool inside = i < text.Length && (char.IsLetterOrDigit(text[i])
                || (start >= 0 && text[i] is '-' or '\'' && i + 1 < text.Length && char.IsLetterOrDigit(text[i + 1])));
            if (inside)
            {
                start = start < 0 ? i : start;
            }
            else if (start >= 0)
            {
                yield return text[start..i];
                start = -1;
            }
        }
    }
}
