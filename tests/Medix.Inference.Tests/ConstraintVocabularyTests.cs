using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;

namespace Medix.Inference.Tests;

/// <summary>Constraints over the whole vocabulary of a published tokenizer.</summary>
public class ConstraintVocabularyTests
{
    private const string Schema =
        """
        {"type":"object","properties":{"answer":{"type":"string","maxLength":60},"score":{"type":"number"},
        "tags":{"type":"array","items":{"enum":["a","bee","sea"]},"maxItems":5},"free":{}},"required":["answer","score","tags","free"]}
        """;

    private const string Text =
        """{"answer":"The quick brown fox: éèà 漢字 😀, again","score":0.875,"tags":["bee","a"],"free":{"k":[1,2,{"z":"some text\n"}]}}""";

    [Fact]
    public void A_tokenizers_own_way_of_writing_a_valid_text_is_allowed_and_what_is_invalid_is_not()
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedFiles.Require("data", "tokenizer-qwen", "qwen3-vl"));
        TokenVocabulary vocabulary = new(tokenizer);
        OutputConstraint constraint = OutputConstraint.JsonSchema(Schema);
        ConstraintState state = constraint.Start(vocabulary);
        SeededRandom random = Seed.Random(4);
        List<byte> before = [];
        foreach (int token in tokenizer.EncodePlain(Text))
        {
            Assert.False(state.Accepting);
            Assert.True(IsSet(state.Allowed, token), $"{token} after {before.Count} bytes");
            for (int i = 0; i < 40; i++)
            {
                int other = random.NextInt(tokenizer.VocabularySize);
                Assert.Equal(Continues(constraint, [.. before], vocabulary[other]), IsSet(state.Allowed, other));
            }

            state.Accept(token);
            before.AddRange(vocabulary[token]);
        }

        Assert.True(state.Accepting);
        Assert.All(tokenizer.AddedTokens.Where(pair => pair.Value.Special), pair => Assert.False(IsSet(state.Allowed, pair.Key)));
    }

    private static bool Continues(OutputConstraint constraint, byte[] before, ReadOnlySpan<byte> token)
    {
        TokenVocabulary two = new([before, token.ToArray()]);
        ConstraintState state = constraint.Start(two);
        state.Accept(0);
        return IsSet(state.Allowed, 1);
    }

    private static bool IsSet(ReadOnlySpan<ulong> mask, int id) => id >> 6 < mask.Length && (mask[id >> 6] >> (id & 63) & 1) != 0;
}
