using System.Text;
using Microsoft.ML.Tokenizers;

namespace Medix.Text;

/// <summary>
/// Byte-level byte-pair encoding with added tokens, as Qwen2 and Qwen3 use it: added tokens are cut out first, the rest is composed (Unicode NFC),
/// split into words by a pattern and encoded from UTF-8 bytes. Any text can be encoded; an unpaired surrogate counts as U+FFFD. Safe for use from many threads.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerDefinition _definition;
    private readonly BpeTokenizer _bpe;
    private readonly AddedTokenMatcher _literal;
    private readonly AddedTokenMatcher _normalized;
    private readonly Dictionary<string, int> _addedIds;
    private readonly Dictionary<int, int[]> _spelledOut;
    private readonly TokenBytes _bytes;

    internal Tokenizer(TokenizerDefinition definition, string source)
    {
        definition.Validate(source);
        _definition = definition;
        _addedIds = definition.Added.ToDictionary(pair => pair.Value.Content, pair => pair.Key);
        _literal = new AddedTokenMatcher(definition.Added.Where(pair => !pair.Value.Normalized), content => content);
        _normalized = new AddedTokenMatcher(definition.Added.Where(pair => pair.Value.Normalized), Compose);
        _bpe = BpeTokenizer.Create(new BpeOptions(definition.Vocabulary)
        {
            ByteLevel = true,
            Merges = definition.Merges.Select(merge => $"{merge.Left} {merge.Right}"),
            PreTokenizer = new WordSplitter(definition.Pattern),
        });
        _spelledOut = SpellOutMergedAddedTokens(definition);
        _bytes = new TokenBytes(definition);
    }

    /// <summary>The largest token id plus one: what an embedding table needs at least.</summary>
    public int VocabularySize => _bytes.Count;

    /// <summary>The added tokens by id.</summary>
    public IReadOnlyDictionary<int, AddedToken> AddedTokens => _definition.Added;

    /// <summary>
    /// Reads <c>tokenizer.json</c>, or <c>vocab.json</c>, <c>merges.txt</c> and <c>tokenizer_config.json</c>, from a model's folder.
    /// </summary>
    /// <exception cref="Runs.MedixException">A file is missing, broken, contradicts itself or asks for something that is not supported.</exception>
    public static Tokenizer Load(string folder) => new(TokenizerReader.Read(folder), folder);

    /// <summary>
    /// Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c>, which <see cref="Load"/> and Hugging Face's libraries open. The folder is made if needed.
    /// </summary>
    public void Save(string folder) => TokenizerWriter.Write(_definition, folder);

    /// <summary>The id of an added token by its text, or of an ordinary token by its spelling in the byte alphabet (space = Ġ).</summary>
    public bool TryGetId(string token, out int id) => _addedIds.TryGetValue(token, out id) || _definition.Vocabulary.TryGetValue(token, out id);

    /// <summary>
    /// Token ids of a text in which added tokens are recognised: for text that the program itself wrote. No begin or end token is added.
    /// </summary>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [];
        text = WellFormed(text);
        foreach (TextPiece piece in _literal.Cut(text))
        {
            if (piece.Id is int id)
            {
                ids.Add(id);
            }
            else
            {
                AppendNormalized(Compose(text.Substring(piece.Start, piece.Length)), ids);
            }
        }

        return [.. ids];
    }

    /// <summary>Token ids of a text from outside: never an added token, whatever the text spells.</summary>
    public int[] EncodePlain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [];
        AppendPlain(text, ids);
        return [.. ids];
    }

    /// <summary>
    /// Token ids of a rendered conversation: added tokens are recognised in control segments only. Text between two added tokens is encoded
    /// as one piece, so that where no content spells an added token the ids equal those of the whole string.
    /// </summary>
    public int[] EncodeSegments(IReadOnlyList<ChatSegment> segments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        List<int> ids = [];
        StringBuilder plain = new();
        foreach (ChatSegment segment in segments)
        {
            foreach (TextPiece piece in segment.IsControl ? _literal.Cut(segment.Text) : [new TextPiece(0, segment.Text.Length, null)])
            {
                if (piece.Id is int id)
                {
                    AppendPlain(plain.ToString(), ids);
                    plain.Clear();
                    ids.Add(id);
                }
                else
                {
                    plain.Append(segment.Text, piece.Start, piece.Length);
                }
            }
        }

        AppendPlain(plain.ToString(), ids);
        return [.. ids];
    }

    /// <summary>
    /// The text of token ids; each maximal ill-formed byte sequence becomes one U+FFFD (the WHATWG rule). Ids without a token are ignored,
    /// and special added tokens too where <paramref name="skipSpecial"/> asks for it.
    /// </summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        List<byte> bytes = new(ids.Length * 4);
        foreach (int id in ids)
        {
            AppendBytes(id, skipSpecial, bytes);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The bytes that a token stands for, an added token's being those of its content; none for an id without a token.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => _bytes[id];

    internal void AppendBytes(int id, bool skipSpecial, List<byte> bytes)
    {
        if (!skipSpecial || !_definition.Added.TryGetValue(id, out AddedToken? token) || !token.Special)
        {
            bytes.AddRange(_bytes[id]);
        }
    }

    private void AppendNormalized(string text, List<int> ids)
    {
        foreach (TextPiece piece in _normalized.Cut(text))
        {
            if (piece.Id is int id)
            {
                ids.Add(id);
            }
            else
            {
                AppendWords(text.Substring(piece.Start, piece.Length), ids);
            }
        }
    }

    private void AppendPlain(string text, List<int> ids)
    {
        int start = ids.Count;
        AppendWords(Compose(WellFormed(text)), ids);
        for (int i = start; _spelledOut.Count > 0 && i < ids.Count; i++)
        {
            if (_spelledOut.TryGetValue(ids[i], out int[]? bytes))
            {
                ids.RemoveAt(i);
                ids.InsertRange(i, bytes);
                i += bytes.Length - 1;
            }
        }
    }

    private void AppendWords(string text, List<int> ids)
    {
        if (text.Length > 0)
        {
            ids.AddRange(_bpe.EncodeToIds(text, considerPreTokenization: true, considerNormalization: false));
        }
    }

    private string Compose(string text) => _definition.ComposesText ? UnicodeNormalizer.Compose(text) : text;

    private static string WellFormed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text;
        }

        StringBuilder repaired = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            repaired.Append(rune);
        }

        return repaired.ToString();
    }

    // An added token can also be the product of merges; plain text then spells it byte by byte.
    private static Dictionary<int, int[]> SpellOutMergedAddedTokens(TokenizerDefinition definition)
    {
        Dictionary<int, AddedToken> listed = definition.Added.Where(pair => definition.Vocabulary.ContainsKey(pair.Value.Content)).ToDictionary();
        HashSet<string> products = listed.Count == 0 ? [] : [.. definition.Merges.Select(merge => merge.Product)];
        return listed.Where(pair => products.Contains(pair.Value.Content))
            .ToDictionary(pair => pair.Key, pair => pair.Value.Content.Select(symbol => definition.Vocabulary[symbol.ToString()]).ToArray());
    }
}
