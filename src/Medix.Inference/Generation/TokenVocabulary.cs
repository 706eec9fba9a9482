using System.Text;
using Medix.Inference.Generation.Constraints;
using Medix.Text;

namespace Medix.Inference.Generation;

/// <summary>
/// The visible bytes of every token: what stop strings and constraints are about. Special tokens show nothing. Made once per tokenizer, then shared:
/// safe for use from many threads.
/// </summary>
public sealed class TokenVocabulary
{
    private readonly byte[][] bytes;
    private readonly Lazy<TokenTrie> trie;

    /// <summary>Takes the bytes from a tokenizer.</summary>
    public TokenVocabulary(Tokenizer tokenizer) : this(Visible(tokenizer)) { }

    internal TokenVocabulary(IEnumerable<byte[]> bytes)
    {
        this.bytes = [.. bytes];
        trie = new Lazy<TokenTrie>(() => new TokenTrie(this.bytes));
    }

    /// <summary>The largest token id plus one.</summary>
    public int Count => bytes.Length;

    /// <summary>The bytes that a token adds to the visible text: none for special tokens and for ids without a token.</summary>
    public ReadOnlySpan<byte> this[int id] => (uint)id < (uint)bytes.Length ? bytes[id] : default;

    /// <summary>The visible text of tokens, cut after <paramref name="mostBytes"/> bytes; ill-formed bytes become U+FFFD.</summary>
    public string Text(ReadOnlySpan<int> tokens, int mostBytes = int.MaxValue)
    {
        List<byte> text = new(tokens.Length * 4);
        foreach (int token in tokens)
        {
            text.AddRange(this[token]);
        }

        return Encoding.UTF8.GetString([.. text.Take(mostBytes)]);
    }

    /// <summary>The bytes as a tree, made when first asked for.</summary>
    internal TokenTrie Trie => trie.Value;

    private static IEnumerable<byte[]> Visible(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return Enumerable.Range(0, tokenizer.VocabularySize).Select(id => IsSpecial(tokenizer, id) ? [] : tokenizer.BytesOf(id).ToArray());
    }

    private static bool IsSpecial(Tokenizer tokenizer, int id) => tokenizer.AddedTokens.TryGetValue(id, out AddedToken? token) && token.Special;
}
