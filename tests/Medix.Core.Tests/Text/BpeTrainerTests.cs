using Medix.Text;

namespace Medix.Core.Tests.Text;

public class BpeTrainerTests
{
    [Fact]
    public void The_most_frequent_pair_comes_first_and_ties_go_to_the_smaller_ids()
    {
        // ab: 3 times; then abc: 2 and zz: 2, of which "ab"+"c" has the larger left id.
        Tokenizer tokenizer = BpeTrainer.Train(["ab", "abc", "abc", "zz", "zz"], 256 + 3, []);
        Assert.Equal([256, 257, 258], ((string[])["ab", "zz", "abc"]).Select(Id));

        int Id(string token) => tokenizer.TryGetId(token, out int id) ? id : -1;
    }

    [Fact]
    public void Repeated_symbols_merge_from_the_left()
    {
        Tokenizer tokenizer = BpeTrainer.Train(["aaa", "aaa", "aaaaa"], 258, []);
        Assert.Equal(["aa", "aaa"], ((string[])["aa", "aaa"]).Where(token => tokenizer.TryGetId(token, out _)));
        Assert.Equal([256, 257], tokenizer.EncodePlain("aaaaa"));
    }

    [Fact]
    public void The_vocabulary_is_bytes_then_merges_then_added_tokens()
    {
        Tokenizer tokenizer = SmallTokenizer.Instance;
        Assert.Equal(380, tokenizer.VocabularySize);
        Assert.Equal(Enumerable.Range(tokenizer.VocabularySize - SmallTokenizer.Added.Length, SmallTokenizer.Added.Length), tokenizer.AddedTokens.Keys.Order());
        Assert.Equal(SmallTokenizer.Added, tokenizer.AddedTokens.OrderBy(pair => pair.Key).Select(pair => pair.Value));
    }

    [Fact]
    public void Training_fills_the_vocabulary_and_shortens_its_texts()
    {
        Tokenizer tokenizer = BpeTrainer.Train(SmallTokenizer.Texts, 290, []);
        Assert.Equal(290, tokenizer.VocabularySize);
        string text = SmallTokenizer.Texts[0];
        Assert.True(SmallTokenizer.Instance.EncodePlain(text).Length < tokenizer.EncodePlain(text).Length);
        Assert.True(tokenizer.EncodePlain(text).Length < text.Length);
    }

    [Fact]
    public void The_same_texts_give_the_same_files()
    {
        using TemporaryFolder first = new(), second = new();
        BpeTrainer.Train(SmallTokenizer.Texts, 350, SmallTokenizer.Added).Save(first.Path);
        BpeTrainer.Train(SmallTokenizer.Texts, 350, SmallTokenizer.Added).Save(second.Path);
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json"])
        {
            Assert.Equal(File.ReadAllText(first.File(name)), File.ReadAllText(second.File(name)));
        }
    }

    [Fact]
    public void Added_tokens_in_the_texts_are_not_learned()
    {
        Tokenizer tokenizer = BpeTrainer.Train(Enumerable.Repeat("<|im_end|>", 50), 400, SmallTokenizer.Added);
        Assert.Equal(256 + SmallTokenizer.Added.Length, tokenizer.VocabularySize);
    }

    [Fact]
    public void A_size_below_bytes_and_added_tokens_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BpeTrainer.Train([], 256, SmallTokenizer.Added));

    [Fact]
    public void Merging_agrees_with_counting_again_after_every_step()
    {
        const int Size = 290;
        Tokenizer tokenizer = BpeTrainer.Train(SmallTokenizer.Texts, Size, []);
        Assert.Equal(Size, tokenizer.VocabularySize);
        List<(List<string> Symbols, int Count)> words = [.. SmallTokenizer.Texts
            .SelectMany(text => new WordSplitter(SplitPattern.Qwen2).Split(text).Select(piece => text.Substring(piece.Offset, piece.Length)))
            .GroupBy(word => word)
            .Select(group => (ByteAlphabet.Encode(group.Key).Select(symbol => symbol.ToString()).ToList(), group.Count()))];
        for (int id = 256; id < Size; id++)
        {
            var pair = words
                .SelectMany(word => word.Symbols.Zip(word.Symbols.Skip(1), (left, right) => (Left: left, Right: right, word.Count)))
                .GroupBy(entry => (entry.Left, entry.Right), entry => entry.Count)
                .OrderByDescending(group => group.Sum()).ThenBy(group => Id(group.Key.Left)).ThenBy(group => Id(group.Key.Right))
                .First().Key;
            Assert.Equal(id, Id(pair.Left + pair.Right));
            words = [.. words.Select(word => (Merge(word.Symbols, pair.Left, pair.Right), word.Count))];
        }

        int Id(string token) => tokenizer.TryGetId(token, out int id) ? id : -1;
    }

    private static List<string> Merge(List<string> symbols, string left, string right)
    {
        List<string> merged = [];
        for (int i = 0; i < symbols.Count; i++)
        {
            bool match = i + 1 < symbols.Count && symbols[i] == left && symbols[i + 1] == right;
            merged.Add(match ? left + right : symbols[i]);
            i += match ? 1 : 0;
        }

        return merged;
    }
}
