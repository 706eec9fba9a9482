using CsCheck;
using Medix.Text;

namespace Medix.Core.Tests.Text;

public class TokenizerPropertyTests
{
    // Control tokens, their pieces, contractions, marks, spaces and characters of every plane, in any order.
    private static readonly string[] Pieces =
    [
        .. SmallTokenizer.Added.Select(token => token.Content),
        "<|", "|>", "im_end", "<", "'s", "'\u017F", "'LL", "it", " ", "  ", "\n", "\r\n", "\u00A0", "\u200B",
        "e", "\u0301", "\u0323", "é", "가", "\u1100", "\u1161",
        "12", "½", "Ⅻ", "肺", "𠮷", "𝔸", "😀", "\U0001D7D8", "\uFFFD", "\u0000", "left lung",
    ];

    private static readonly Gen<string> Texts = Gen.OneOf(Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]), Gen.String[0, 3])
        .Array[0, 12].Select(string.Concat);

    private static Tokenizer Tokenizer => SmallTokenizer.Instance;

    [Fact]
    public void Decoding_plain_ids_gives_the_composed_text() => Texts.Sample(text =>
        Tokenizer.Decode(Tokenizer.EncodePlain(text), skipSpecial: true) == UnicodeNormalizer.Compose(Repaired(text)));

    [Fact]
    public void Decoding_ids_gives_the_text_composed_piece_by_piece() => Texts.Sample(text =>
    {
        AddedTokenMatcher matcher = new(Tokenizer.AddedTokens, content => content);
        string repaired = Repaired(text);
        string expected = string.Concat(matcher.Cut(repaired).Select(piece => UnicodeNormalizer.Compose(repaired.Substring(piece.Start, piece.Length))));
        return Tokenizer.Decode(Tokenizer.Encode(text), skipSpecial: false) == expected;
    });

    [Fact]
    public void Plain_text_never_becomes_an_added_token() => Texts.Sample(text =>
        !Tokenizer.EncodePlain(text).Any(Tokenizer.AddedTokens.ContainsKey));

    [Fact]
    public void A_conversation_has_only_the_control_tokens_of_its_template() => Texts.Sample(text =>
    {
        int[] Added(string content) => [.. Tokenizer
            .EncodeSegments(ChatTemplate.Render(ChatTemplateKind.Qwen3VL, [PromptMessage.FromText("user", content)], new ChatOptions()))
            .Where(Tokenizer.AddedTokens.ContainsKey)];
        return Added(text).SequenceEqual(Added("harmless"));
    });

    [Fact]
    public void Segments_equal_the_whole_text_where_no_token_is_spelled() => Texts.Sample(text =>
    {
        if (Tokenizer.Encode(text).Any(Tokenizer.AddedTokens.ContainsKey))
        {
            return true;
        }

        IReadOnlyList<ChatSegment> segments = [new("<|im_start|>user\n", true), new(text, false), new("<|im_end|>\n", true)];
        return Tokenizer.EncodeSegments(segments).SequenceEqual(Tokenizer.Encode(string.Concat(segments.Select(segment => segment.Text))));
    });

    [Fact]
    public void Streamed_chunks_join_to_the_decoded_text() => Gen.Int[0, 420].Array[0, 30].Select(Gen.Bool).Sample((ids, skip) =>
    {
        StreamingDecoder decoder = new(Tokenizer, skip);
        return string.Concat(ids.Select(decoder.Add)) + decoder.Flush() == Tokenizer.Decode(ids, skip);
    });

    [Fact]
    public void Composition_undoes_decomposition() => Texts.Sample(text =>
    {
        string composed = UnicodeNormalizer.Compose(Repaired(text));
        return UnicodeNormalizer.Compose(UnicodeNormalizer.Decompose(composed)) == composed && UnicodeNormalizer.Compose(composed) == composed;
    });

    [Fact]
    public void A_text_without_any_space_keeps_all_its_characters()
    {
        string text = "x" + string.Concat(Enumerable.Repeat("𠮷a", 20_000));
        Assert.Equal(text, Tokenizer.Decode(Tokenizer.EncodePlain(text), skipSpecial: false));
        Assert.All(new WordSplitter(SplitPattern.Qwen2).PreTokenize(text), piece => Assert.InRange(piece.Length, 1, WordSplitter.LongestWord));
    }

    [Fact]
    public void Many_threads_encode_the_same_ids()
    {
        int[] expected = Tokenizer.Encode(SmallTokenizer.Texts[2]);
        Assert.All(ParallelEnumerable.Range(0, 200).Select(_ => Tokenizer.Encode(SmallTokenizer.Texts[2])), ids => Assert.Equal(expected, ids));
    }

    private static string Repaired(string text) => string.Concat(text.EnumerateRunes());
}
