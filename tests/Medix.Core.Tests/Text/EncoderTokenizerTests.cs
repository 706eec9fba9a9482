using CsCheck;
using Medix.Runs;
using Medix.Text.Encoders;

namespace Medix.Core.Tests.Text;

/// <summary>What the reference's rows do not reach: the unigram model, other pipelines, and files that are wrong.</summary>
public sealed class EncoderTokenizerTests : IDisposable
{
    private const string Pieces = """[["[PAD]",-9],["[UNK]",-9],["▁",-3],["a",-2],["b",-2.5],["ab",-3],["ba",-1],["▁ab",-4],["👩",-5]]""";

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("ab", "▁ab")]
    [InlineData("aba", "▁ a ba")]
    [InlineData("ab ab", "▁ab ▁ab")]
    [InlineData("aXYb", "▁ a [UNK] b")]
    [InlineData("👩👩", "▁ 👩 👩")]
    [InlineData("", "")]
    public void The_likeliest_segmentation_is_found(string text, string tokens)
    {
        EncoderTokenizer tokenizer = Unigram("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":false}""");
        Assert.Equal(tokens, string.Join(' ', tokenizer.Encode(text).Ids.Select(tokenizer.TokenOf)));
    }

    [Fact]
    public void No_other_segmentation_scores_higher()
    {
        ScoredToken[] tokens = [new("[UNK]", -9), new("a", -2), new("b", -2.5), new("ab", -3), new("ba", -4), new("bab", -4.5), new("aab", -5.2), new("abba", -6)];
        UnigramModel model = new(tokens, 0);
        Gen.String[Gen.Char["ab"], 0, 12].Sample(word =>
        {
            List<int> ids = [];
            model.Encode(word, ids);
            Assert.Equal(word, string.Concat(ids.Select(id => tokens[id].Token)));
            Assert.Equal(Best(word, tokens), ids.Sum(id => tokens[id].Score), 9);
        });
    }

    [Fact]
    public void Word_pieces_of_known_words_spell_the_word()
    {
        string[] vocabulary = ["[UNK]", "a", "b", "ab", "##a", "##b", "##bb", "##ab"];
        WordPieceModel model = new(vocabulary.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id), 0, "##", 20);
        Gen.String[Gen.Char["abc"], 1, 25].Sample(word =>
        {
            List<int> ids = [];
            model.Encode(word, ids);
            bool known = word.Length <= 20 && !word.Contains('c', StringComparison.Ordinal);
            Assert.Equal(known ? word : "[UNK]", string.Concat(ids.Select(id => vocabulary[id].Replace("##", "", StringComparison.Ordinal))));
        });
    }

    [Fact]
    public void Truncation_keeps_the_special_tokens_and_counts_what_it_leaves_out()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\nx\ny\n");
        EncoderTokenizer tokenizer = EncoderTokenizer.Load(_folder.Path);
        Gen.Select(Gen.Int[0, 30], Gen.Int[0, 30], Gen.Int[3, 40]).Sample((first, second, most) =>
        {
            string one = string.Join(' ', Enumerable.Repeat("x", first)), two = string.Join(' ', Enumerable.Repeat("y", second));
            EncodedText single = tokenizer.Encode(one, most), pair = tokenizer.EncodePair(one, two, most);
            Assert.Equal(Math.Min(first + 2, most), single.Ids.Length);
            Assert.Equal(first + 2 - single.Ids.Length, single.Cut);
            Assert.Equal(Math.Min(first + second + 3, most), pair.Ids.Length);
            Assert.Equal(first + second + 3 - pair.Ids.Length, pair.Cut);
            Assert.Equal(pair.Ids.Length, pair.TypeIds.Length);
            Assert.Equal([2, 3], new[] { single.Ids[0], single.Ids[^1] });
        });
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Encode("x", 1));
    }

    [Fact]
    public void A_cased_word_list_keeps_case_and_accents()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\nRöntgen\nrontgen\n");
        Assert.Equal([5], EncoderTokenizer.Load(_folder.Path).Encode("Röntgen", special: false).Ids);
        File.WriteAllText(Path.Combine(_folder.Path, "tokenizer_config.json"), """{"do_lower_case": false}""");
        Assert.Equal([4], EncoderTokenizer.Load(_folder.Path).Encode("Röntgen", special: false).Ids);
    }

    [Fact]
    public void Steps_of_a_sequence_run_in_order()
    {
        string steps = """
            {"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":"!"},"content":" b "},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},
            {"type":"Strip","strip_left":true,"strip_right":true},{"type":"Lowercase"},{"type":"NFD"},{"type":"StripAccents"},{"type":"Prepend","prepend":"a"}]}
            """;
        EncoderTokenizer tokenizer = Unigram("""{"type":"WhitespaceSplit"}""", steps);
        Assert.Equal("aa b a", tokenizer.Normalize("  Á!\t\nÀ  "));
        Assert.Equal(["a", "a", "b", "a"], tokenizer.Encode("Á!À").Ids.Select(tokenizer.TokenOf));
    }

    [Theory]
    [InlineData("""{"type":"Precompiled","precompiled_charsmap":"AA=="}""", "null", "Precompiled")]
    [InlineData("null", """{"type":"ByteLevel"}""", "ByteLevel")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?=a)"},"content":""}""", "null", "(?=a)")]
    public void Steps_that_are_not_implemented_are_refused_by_name(string normalizer, string split, string named)
    {
        MedixException error = Assert.Throws<MedixException>(() => Unigram(split, normalizer));
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":{"type":"BPE","vocab":{}}}""", "BPE")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"a":0}}}""", "[UNK]")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":0}}}""", "has it too")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":2000000000}}}""", "2000000000")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":7}}""", "unk_id")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a","b"]]}}""", "model.vocab")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0}},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[X]"}}]}}""", "[X]")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0}},"post_processor":{"type":"RobertaProcessing"}}""", "RobertaProcessing")]
    [InlineData("""{"model":""", "JSON")]
    public void Wrong_files_are_refused_with_the_place(string json, string named)
    {
        File.WriteAllText(Path.Combine(_folder.Path, "tokenizer.json"), json);
        Assert.Contains(named, Assert.Throws<MedixException>(() => EncoderTokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_named() =>
        Assert.Contains(_folder.Path, Assert.Throws<MedixException>(() => EncoderTokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);

    public void Dispose() => _folder.Dispose();

    private static double Best(string word, ScoredToken[] tokens)
    {
        double[] best = [0, .. Enumerable.Repeat(double.NegativeInfinity, word.Length)];
        for (int end = 1; end <= word.Length; end++)
        {
            best[end] = tokens.Where(token => word[..end].EndsWith(token.Token, StringComparison.Ordinal)).Max(token => best[end - token.Token.Length] + token.Score);
        }

        return best[^1];
    }

    private EncoderTokenizer Unigram(string split, string normalizer = "null")
    {
        string json = $$"""{"normalizer":{{normalizer}},"pre_tokenizer":{{split}},"model":{"type":"Unigram","unk_id":1,"vocab":{{Pieces}} } }""";
        File.WriteAllText(Path.Combine(_folder.Path, "tokenizer.json"), json);
        return EncoderTokenizer.Load(_folder.Path);
    }
}
