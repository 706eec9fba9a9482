using System.Text.Json;
using Medix.Testing;
using Medix.Text.Encoders;

namespace Medix.Core.Tests.Text;

/// <summary>WordPiece against the reference's rows and against real data. Everything must be equal.</summary>
[Trait("Category", "Parity")]
public class EncoderTokenizerParityTests
{
    private static readonly Lazy<EncoderTokenizer> Bert = new(() => EncoderTokenizer.Load(SharedFiles.Require("data", "tokenizer-bert")));

    [Fact]
    public void Every_row_of_the_reference_is_equal()
    {
        List<JsonElement> rows = TokenizerGoldens.Rows("bert.jsonl");
        SharedFiles.Require("data", "tokenizer-bert");
        TokenizerGoldens.CheckAll(rows, row => row.TryGetProperty("pair", out _) ? Pair(row) : row.TryGetProperty("ids", out _) ? Single(row) : Cut(row));
    }

    [Fact]
    public void Texts_truncated_by_the_reference_are_cut_alike_and_the_rest_is_counted()
    {
        List<JsonElement> rows = [.. TokenizerGoldens.Rows("bert.jsonl").Where(row => row.TryGetProperty("ids_with_special", out _) && !row.TryGetProperty("pair", out _))];
        SharedFiles.Require("data", "tokenizer-bert");
        TokenizerGoldens.CheckAll(rows, row =>
        {
            int[] whole = row.Ints("ids_with_special");
            EncodedText cut = Bert.Value.Encode(row.Text("text"), maxTokens: 8);
            int[] expected = whole.Length <= 8 ? whole : [.. whole[..7], whole[^1]];
            return TokenizerGoldens.Compare("cut to 8", expected, cut.Ids) ?? TokenizerGoldens.Compare("left out", [whole.Length - expected.Length], [cut.Cut]);
        });
    }

    [Fact]
    public void Ten_thousand_real_questions_have_the_published_pieces_and_ids()
    {
        JsonElement[] questions = Array(SharedFiles.Require("data", "tokenizer-bert", "question_tokens.json"));
        JsonElement[] ids = Array(SharedFiles.Require("data", "tokenizer-bert", "tokenized_questions.json"));
        Assert.Equal(questions.Length, ids.Length);
        for (int i = 0; i < questions.Length; i++)
        {
            EncodedText encoded = Bert.Value.Encode(questions[i].Text("original"), special: false);
            Assert.Equal(ids[i].EnumerateArray().Select(id => id.GetInt32()), encoded.Ids);
            Assert.Equal(questions[i].GetProperty("wordpiece").EnumerateArray().Select(piece => piece.GetString()), encoded.Ids.Select(Bert.Value.TokenOf));
        }
    }

    [Fact]
    public void Published_cases_of_the_uncased_model_are_equal()
    {
        string path = SharedFiles.Require("data", "tokenizer-bert", "tokenizer_tests.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        JsonElement[] cases = [.. document.RootElement.EnumerateObject().Where(model => model.Name.EndsWith("bert-base-uncased", StringComparison.Ordinal))
            .SelectMany(model => model.Value.EnumerateArray())];
        Assert.NotEmpty(cases);
        foreach (JsonElement one in cases)
        {
            JsonElement expected = one.GetProperty("encoded");
            EncodedText encoded = Bert.Value.Encode(one.Text("input"));
            Assert.Equal(expected.Ints("input_ids"), encoded.Ids);
            Assert.Equal(expected.Ints("token_type_ids"), encoded.TypeIds);
        }
    }

    [Fact]
    public void The_whole_file_of_a_model_gives_the_same_ids_as_its_word_list()
    {
        EncoderTokenizer whole = EncoderTokenizer.Load(SharedFiles.Require("data", "weights-minilm"));
        foreach (JsonElement row in TokenizerGoldens.Rows("bert.jsonl").Where(row => row.TryGetProperty("ids", out _)))
        {
            Assert.Equal(row.Ints("ids_with_special"), whole.Encode(row.Text("text")).Ids);
        }
    }

    private static string? Single(JsonElement row)
    {
        EncodedText plain = Bert.Value.Encode(row.Text("text"), special: false), special = Bert.Value.Encode(row.Text("text"));
        string tokens = string.Join(' ', plain.Ids.Select(Bert.Value.TokenOf));
        return TokenizerGoldens.Compare("normalised", row.Text("normalised"), Bert.Value.Normalize(row.Text("text")))
            ?? TokenizerGoldens.Compare("ids", row.Ints("ids"), plain.Ids)
            ?? TokenizerGoldens.Compare("tokens", string.Join(' ', row.GetProperty("tokens").EnumerateArray().Select(token => token.GetString())), tokens)
            ?? TokenizerGoldens.Compare("with special", row.Ints("ids_with_special"), special.Ids);
    }

    private static string? Pair(JsonElement row)
    {
        const int Limit = 12;
        EncodedText whole = Bert.Value.EncodePair(row.Text("text"), row.Text("pair")), cut = Bert.Value.EncodePair(row.Text("text"), row.Text("pair"), Limit);
        // The reference left its truncation on after the first row: later ids "with special" are cut too.
        EncodedText stored = row.Ints("ids_with_special").SequenceEqual(row.Ints("truncated_to_12_longest_first")) ? cut : whole;
        return TokenizerGoldens.Compare("ids", row.Ints("ids_with_special"), stored.Ids)
            ?? TokenizerGoldens.Compare("types", row.Ints("type_ids_with_special"), stored.TypeIds)
            ?? TokenizerGoldens.Compare("cut", row.Ints("truncated_to_12_longest_first"), cut.Ids)
            ?? TokenizerGoldens.Compare("cut types", row.Ints("truncated_type_ids"), cut.TypeIds)
            ?? TokenizerGoldens.Compare("left out", [whole.Ids.Length - cut.Ids.Length], [cut.Cut]);
    }

    private static string? Cut(JsonElement row) =>
        TokenizerGoldens.Compare("cut", row.Ints("truncated_to_16"), Bert.Value.Encode(row.Text("text"), maxTokens: 16).Ids);

    private static JsonElement[] Array(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        JsonElement[] elements = [.. document.RootElement.Clone().EnumerateArray()];
        Assert.NotEmpty(elements);
        return elements;
    }
}
