using System.Text.Json.Nodes;
using Medix.Runs;
using Medix.Text;

namespace Medix.Core.Tests.Text;

public sealed class TokenizerFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_tokenizer_loads_as_it_was()
    {
        SmallTokenizer.Instance.Save(_folder.Path);
        Tokenizer again = Tokenizer.Load(_folder.Path);
        string text = string.Join("<|im_end|>", SmallTokenizer.Texts);
        Assert.Equal(SmallTokenizer.Instance.Encode(text), again.Encode(text));
        Assert.Equal(SmallTokenizer.Instance.AddedTokens, again.AddedTokens);
        Assert.Equal(["tokenizer.json", "tokenizer_config.json"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Saved_settings_name_the_class_the_end_token_and_a_template()
    {
        SmallTokenizer.Instance.Save(_folder.Path);
        JsonNode settings = JsonNode.Parse(File.ReadAllText(_folder.File("tokenizer_config.json")))!;
        Assert.Equal(
            ["Qwen2Tokenizer", "<|im_end|>", "<|endoftext|>"],
            ((string[])["tokenizer_class", "eos_token", "pad_token"]).Select(name => settings[name]!.ToString()));
        Assert.Contains("<|im_start|>assistant", settings["chat_template"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Vocabulary_and_merges_apart_load_the_same_with_and_without_the_version_line()
    {
        SmallTokenizer.Instance.Save(_folder.Path);
        JsonNode model = Whole()["model"]!;
        File.WriteAllText(_folder.File("vocab.json"), model["vocab"]!.ToJsonString());
        string merges = string.Join('\n', model["merges"]!.AsArray().Select(merge => merge!.ToString()));
        File.Delete(_folder.File("tokenizer.json"));
        string text = "<|im_end|>" + SmallTokenizer.Texts[0];
        foreach (string header in (string[])["", "#version: 0.2\n"])
        {
            File.WriteAllText(_folder.File("merges.txt"), header + merges + "\n");
            Assert.Equal(SmallTokenizer.Instance.Encode(text), Tokenizer.Load(_folder.Path).Encode(text));
        }
    }

    [Fact]
    public void An_added_token_that_is_also_a_merge_is_spelled_out_in_plain_text()
    {
        string word = "";
        Change(root =>
        {
            word = root["model"]!["vocab"]!.AsObject().Select(entry => entry.Key).Last(token => token.All(char.IsAsciiLetter));
            root["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = IdOf(root, word), ["content"] = word, ["special"] = true });
        });
        Tokenizer tokenizer = Tokenizer.Load(_folder.Path);
        Assert.True(word.Length > 1);
        Assert.Single(tokenizer.Encode(word));
        Assert.Equal(word.Length, tokenizer.EncodePlain(word).Length);
        Assert.Equal(word, tokenizer.Decode(tokenizer.EncodePlain(word), skipSpecial: true));
    }

    [Fact]
    public void A_missing_folder_is_named() => Assert.Contains(
        "no tokenizer folder", Assert.Throws<MedixException>(() => Tokenizer.Load(_folder.File("nowhere"))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_folder_without_files_says_what_it_looked_for() => Assert.Contains("vocab.json", Fault(), StringComparison.Ordinal);

    [Fact]
    public void Broken_JSON_is_named_with_its_line()
    {
        File.WriteAllText(_folder.File("tokenizer.json"), "{\n \"model\": {,}}");
        string fault = Fault();
        Assert.Contains("tokenizer.json is not valid JSON", fault, StringComparison.Ordinal);
        Assert.Contains("LineNumber: 1", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[1, 2]")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"model\": 3}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": [], \"merges\": []}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 1}, \"merges\": []}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}")]
    public void Files_of_another_shape_are_refused_with_their_name(string json)
    {
        File.WriteAllText(_folder.File("tokenizer.json"), json);
        Assert.Contains(_folder.Path, Fault(), StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Changes => new()
    {
        { "merges", "[\"xq zz\"]", "names 'xq'" },
        { "merges", "[\"x\"]", "the merge is 'x'" },
        { "merges", "[[\"x\"]]", "expected two tokens" },
        { "merges", "7", "no list 'merges'" },
        { "type", "\"WordPiece\"", "model.type is 'WordPiece'" },
        { "byte_fallback", "true", "byte_fallback" },
        { "ignore_merges", "true", "ignore_merges" },
        { "end_of_word_suffix", "\"</w>\"", "'</w>'" },
        { "dropout", "0.1", "dropout is 0.1" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_model_that_cannot_be_read_is_refused(string field, string value, string expected)
    {
        Change(root => root["model"]![field] = JsonNode.Parse(value));
        Assert.Contains(expected, Fault(), StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> WholeChanges => new()
    {
        { "normalizer", "{\"type\": \"NFKC\"}", "normalizer" },
        { "normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Lowercase\"}]}", "Lowercase" },
        { "pre_tokenizer", "null", "pre_tokenizer is missing" },
        { "pre_tokenizer", "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}", "add_prefix_space" },
        { "pre_tokenizer", "{\"type\": \"Whitespace\"}", "Whitespace" },
        { "added_tokens", "[{\"id\": 3, \"content\": \"<x>\"}]", "belongs to the token" },
        { "added_tokens", "[{\"id\": 3000, \"content\": \"<x>\"}, {\"id\": 3000, \"content\": \"<y>\"}]", "id 3000 belongs to both '<x>' and '<y>'" },
        { "added_tokens", "[{\"id\": 3000, \"content\": \"<x>\"}, {\"id\": 3001, \"content\": \"<x>\"}]", "'<x>' is listed twice" },
        { "added_tokens", "[{\"id\": 3000, \"content\": \"\"}]", "is empty" },
        { "added_tokens", "[{\"id\": 2000000000, \"content\": \"<x>\"}]", "2000000000" },
        { "added_tokens", "[{\"id\": -1, \"content\": \"<x>\"}]", "-1" },
        { "added_tokens", "[{\"content\": \"<x>\"}]", "no whole number 'id'" },
        { "added_tokens", "[{\"id\": 64, \"content\": \"a\"}]", "byte 97" },
    };

    [Theory]
    [MemberData(nameof(WholeChanges))]
    public void A_file_that_contradicts_itself_or_asks_for_more_is_refused(string field, string value, string expected)
    {
        Change(root => root[field] = value.Contains("\"id\": 64", StringComparison.Ordinal)
            ? JsonNode.Parse(value.Replace("64", $"{IdOf(root, "a")}", StringComparison.Ordinal))
            : JsonNode.Parse(value));
        Assert.Contains(expected, Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_tokens_with_one_id_are_refused()
    {
        Change(root => root["model"]!["vocab"]!["zebra"] = IdOf(root, "a"));
        Assert.Contains("ids are unique", Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_without_a_byte_is_refused()
    {
        Change(root => root["model"]!["vocab"]!.AsObject().Remove("~"));
        Assert.Contains("byte 126 has no token", Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_tokenizer_class_is_refused_where_the_files_come_apart()
    {
        File.WriteAllText(_folder.File("vocab.json"), "{}");
        File.WriteAllText(_folder.File("merges.txt"), "");
        File.WriteAllText(_folder.File("tokenizer_config.json"), "{\"tokenizer_class\": \"LlamaTokenizer\"}");
        Assert.Contains("'LlamaTokenizer'", Fault(), StringComparison.Ordinal);
    }

    private static int IdOf(JsonNode root, string token) => root["model"]!["vocab"]![token]!.GetValue<int>();

    private JsonNode Whole() => JsonNode.Parse(File.ReadAllText(_folder.File("tokenizer.json")))!;

    private void Change(Action<JsonNode> change)
    {
        SmallTokenizer.Instance.Save(_folder.Path);
        JsonNode root = Whole();
        change(root);
        File.WriteAllText(_folder.File("tokenizer.json"), root.ToJsonString());
    }

    private string Fault() => Assert.Throws<MedixException>(() => Tokenizer.Load(_folder.Path)).Message;
}
