using System.Text.Json;
using Medix.Testing;
using Medix.Text;
using static Medix.Core.Tests.Text.TokenizerGoldens;

namespace Medix.Core.Tests.Text;

[Trait("Category", "Parity")]
public class TokenizerParityTests(QwenTokenizer qwen) : IClassFixture<QwenTokenizer>
{
    [Fact]
    public void Every_text_has_the_ids_and_decodings_of_the_reference() => CheckAll(Rows("encode.jsonl"), row =>
    {
        int[] ids = qwen.Tokenizer.Encode(row.Text("text"));
        return Compare("ids", row.Ints("ids"), ids)
            ?? Compare("decoded", row.Text("decoded"), qwen.Tokenizer.Decode(ids, skipSpecial: false))
            ?? Compare("skip", row.TextOrNull("decoded_skip_special") ?? row.Text("decoded"), qwen.Tokenizer.Decode(ids, skipSpecial: true));
    });

    [Fact]
    public void Plain_encoding_equals_the_reference_wherever_no_added_token_is_spelled()
    {
        List<JsonElement> rows = [.. Rows("encode.jsonl").Where(row => row.Ints("ids").All(id => !qwen.Tokenizer.AddedTokens.ContainsKey(id)))];
        Assert.NotEmpty(rows);
        CheckAll(rows, row => Compare("ids", row.Ints("ids"), qwen.Tokenizer.EncodePlain(row.Text("text"))));
    }

    [Fact]
    public void Every_id_list_decodes_and_streams_as_the_reference() => CheckAll(Rows("decode.jsonl"), row =>
    {
        int[] ids = row.Ints("ids");
        string? difference = Compare("text", row.Text("text"), qwen.Tokenizer.Decode(ids, skipSpecial: false))
            ?? Compare("skip", row.Text("text_skip_special"), qwen.Tokenizer.Decode(ids, skipSpecial: true));
        string[] prefixes = [.. row.GetProperty("prefixes").EnumerateArray().Select(value => value.GetString()!)];
        for (int i = 0; i < prefixes.Length; i++)
        {
            difference ??= Compare($"prefix {i + 1}", prefixes[i], qwen.Tokenizer.Decode(ids.AsSpan(0, i + 1), skipSpecial: false));
        }

        StreamingDecoder stream = new(qwen.Tokenizer, skipSpecial: false);
        string joined = "";
        int step = 0;
        foreach (JsonElement chunk in row.GetProperty("stream_chunks").EnumerateArray())
        {
            string text = stream.Add(ids[step++]);
            joined += text;
            difference ??= Compare($"chunk {step}", chunk.GetString() ?? "", text);
        }

        return difference ?? Compare("flushed", row.Text("text"), joined + stream.Flush());
    });

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer-merges-as-strings.json")]
    public void The_small_vocabulary_with_the_GPT2_pattern_matches_in_both_spellings(string file)
    {
        using TemporaryFolder folder = new();
        File.Copy(SharedFiles.Require("goldens", "tokenizer", "small-bpe", file), folder.File("tokenizer.json"));
        Tokenizer tokenizer = Tokenizer.Load(folder.Path);
        CheckSmall(tokenizer);
        using TemporaryFolder copy = new();
        tokenizer.Save(copy.Path);
        CheckSmall(Tokenizer.Load(copy.Path));
    }

    [Fact]
    public void The_real_vocabulary_survives_saving_and_loading()
    {
        using TemporaryFolder folder = new();
        qwen.Tokenizer.Save(folder.Path);
        Tokenizer again = Tokenizer.Load(folder.Path);
        Assert.Equal(qwen.Tokenizer.VocabularySize, again.VocabularySize);
        Assert.Equal(qwen.Tokenizer.AddedTokens, again.AddedTokens);
        CheckAll(Rows("encode.jsonl"), row => Compare("ids", row.Ints("ids"), again.Encode(row.Text("text"))));
    }

    private static void CheckSmall(Tokenizer tokenizer)
    {
        List<JsonElement> rows = [.. Rows("small-bpe", "cases.jsonl").Where(row => !row.TryGetProperty("pair", out _))];
        Assert.NotEmpty(rows);
        CheckAll(rows, row =>
        {
            int[] ids = tokenizer.Encode(row.Text("text"));
            return Compare("ids", row.Ints("ids"), ids)
                ?? Compare("decoded", row.Text("decoded"), tokenizer.Decode(ids, skipSpecial: false))
                ?? Compare("skip", row.Text("decoded_skip_special"), tokenizer.Decode(ids, skipSpecial: true));
        });
    }
}
