using System.Text;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>A small byte-level vocabulary, and texts drawn from random logits under a constraint.</summary>
internal static class ConstraintCases
{
    public const int Size = 400;
    public const int End = 3;
    public const int FirstByte = 4;

    private static readonly string[] Pieces =
    [
        "{\"", "\":", "\": ", "\",\"", ", ", "\"}", "[1", "]", "}}", "true", "false", "null", "ab", "abc", "the", " the", "12", "0.5", "e-", "\\\"", "\\n", "\\u00", "é", "漢字",
        "😀", "éa", "aa", "aaaa", "bb", "_1", "\n\n", "  ", "[{", "},{", "a\"", "\"a", "\"b\":", "-1", ".5", "E+1",
    ];

    /// <summary>No bytes for ids 0 to 3 (3 ends), every byte, longer pieces, and pieces that end within a character.</summary>
    public static TokenVocabulary Vocabulary { get; } = new(Bytes());

    /// <summary>A seeing model of this vocabulary.</summary>
    public static Qwen3VLConfig Model { get; } = RandomModels.Seeing with
    {
        Text = RandomModels.Seeing.Text with { VocabularySize = Size },
        ImageTokenId = Size - 4, VideoTokenId = Size - 3, VisionStartTokenId = Size - 2, VisionEndTokenId = Size - 1,
        EosTokenIds = [End],
    };

    /// <summary>Draws until the end token; null where that did not come within the limit.</summary>
    public static string? Draw(OutputConstraint constraint, ulong seed, float endBias = 2, int mostTokens = 400)
    {
        SamplingOptions options = new(mostTokens, 1.5f) { Constraint = constraint, LogitBias = new Dictionary<int, float> { [End] = endBias } };
        SamplingState state = new(options, seed, default, Vocabulary, [End]);
        TokenSampler sampler = new(Size, [Size - 4, Size - 3]);
        SeededRandom random = Seed.Random(seed, 1);
        List<int> tokens = [];
        while (tokens.Count < mostTokens)
        {
            float[] logits = [.. Enumerable.Range(0, Size).Select(_ => (float)random.NextNormal())];
            int token = sampler.Sample(logits, state).Id;
            if (state.Accept(token) is not null)
            {
                return Vocabulary.Text([.. tokens]);
            }

            tokens.Add(token);
        }

        return null;
    }

    private static IEnumerable<byte[]> Bytes()
    {
        byte[][] pieces = [.. Pieces.Select(Encoding.UTF8.GetBytes), [0xC3, 0xA9, 0xC3], [0x61, 0xF0, 0x9F], [0x98, 0x80, 0x62], [0x61, 0x62]];
        return Enumerable.Range(0, Size).Select(id => id switch
        {
            < FirstByte => [],
            < FirstByte + 256 => [(byte)(id - FirstByte)],
            _ => id - FirstByte - 256 < pieces.Length ? pieces[id - FirstByte - 256] : [],
        });
    }
}
