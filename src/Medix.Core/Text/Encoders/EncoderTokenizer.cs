using Medix.Runs;

namespace Medix.Text.Encoders;

/// <summary>
/// The tokenizer of an encoder model: added tokens are cut out as they are written, the rest is normalised, split into words and cut into subwords
/// (WordPiece or unigram), and a template adds the model's special tokens. Safe for use from many threads.
/// </summary>
public sealed class EncoderTokenizer
{
    private const int MaxId = 4_000_000;

    private readonly EncoderDefinition _definition;
    private readonly AddedTokenMatcher _literal;
    private readonly AddedTokenMatcher _normalized;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<int, string> _tokens = [];

    internal EncoderTokenizer(EncoderDefinition definition, string source)
    {
        _definition = definition;
        _ids = new(definition.Vocabulary, StringComparer.Ordinal);
        foreach ((int id, AddedToken token) in definition.Added)
        {
            _ids[token.Content] = id;
        }

        foreach ((string token, int id) in _ids)
        {
            if (id is < 0 or > MaxId || !_tokens.TryAdd(id, token))
            {
                string fault = id is < 0 or > MaxId ? $"expected 0 to {MaxId}" : $"'{_tokens[id]}' has it too";
                throw new MedixException($"The tokenizer in {source}: the token '{token}' has id {id}; {fault}. Take the tokenizer's files from one model.");
            }
        }

        _literal = new AddedTokenMatcher(definition.Added.Where(pair => !pair.Value.Normalized), content => content);
        _normalized = new AddedTokenMatcher(definition.Added.Where(pair => pair.Value.Normalized), definition.Normalize);
        VocabularySize = _tokens.Keys.Max() + 1;
    }

    /// <summary>The largest token id plus one: what an embedding table needs at least.</summary>
    public int VocabularySize { get; }

    /// <summary>How words are cut.</summary>
    public SubwordKind Kind => _definition.Model.Kind;

    /// <summary>The id of what the vocabulary cannot spell, or null where there is none.</summary>
    public int? UnknownId => _definition.Model.UnknownId;

    /// <summary>Special tokens that <see cref="Encode"/> adds to a text.</summary>
    public int SpecialCount => Specials(_definition.Single);

    /// <summary>Reads <c>tokenizer.json</c>, or <c>vocab.txt</c> with the settings of <c>tokenizer_config.json</c> if that is there, from a model's folder.</summary>
    /// <exception cref="MedixException">A file is missing, broken, contradicts itself or asks for something that is not supported.</exception>
    public static EncoderTokenizer Load(string folder) => new(EncoderTokenizerReader.Read(folder), folder);

    /// <summary>The id of a token by its text.</summary>
    public bool TryGetId(string token, out int id) => _ids.TryGetValue(token, out id);

    /// <summary>The text of a token, with its continuation prefix or word mark; null for an id without one.</summary>
    public string? TokenOf(int id) => _tokens.GetValueOrDefault(id);

    /// <summary>
    /// One text's tokens with the special ones about them (unless <paramref name="special"/> is false), at most <paramref name="maxTokens"/> in all:
    /// the text's last tokens are left out first.
    /// </summary>
    public EncodedText Encode(string text, int maxTokens = int.MaxValue, bool special = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        IReadOnlyList<TemplatePart> template = special && _definition.Single.Count > 0 ? _definition.Single : [new TemplatePart(null, false, 0)];
        int room = Room(template, maxTokens);
        List<int> ids = Tokens(text);
        int cut = Math.Max(0, ids.Count - room);
        ids.RemoveRange(ids.Count - cut, cut);
        return Fill(template, ids, [], cut);
    }

    /// <summary>Two texts as one input; where they do not fit, the longer one loses its last tokens until both are equally long, then both do.</summary>
    public EncodedText EncodePair(string first, string second, int maxTokens = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        IReadOnlyList<TemplatePart> template = _definition.Pair.Count > 0 ? _definition.Pair : [new TemplatePart(null, false, 0), new TemplatePart(null, true, 0)];
        int room = Room(template, maxTokens);
        List<int> one = Tokens(first), two = Tokens(second);
        int total = one.Count + two.Count;
        if (total > room)
        {
            int shorter = Math.Min(one.Count, two.Count), kept = Math.Min(shorter, room / 2);
            (int a, int b) = one.Count > two.Count ? (room - kept, kept) : (kept, room - kept);
            one.RemoveRange(a, one.Count - a);
            two.RemoveRange(b, two.Count - b);
        }

        return Fill(template, one, two, total - one.Count - two.Count);
    }

    /// <summary>The text as the words are cut from it; added tokens are not looked for.</summary>
    internal string Normalize(string text) => _definition.Normalize(text);

    private static int Specials(IReadOnlyList<TemplatePart> template) => template.Sum(part => part.Ids?.Length ?? 0);

    private static int Room(IReadOnlyList<TemplatePart> template, int maxTokens)
    {
        int specials = Specials(template);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, specials);
        return maxTokens - specials;
    }

    private static EncodedText Fill(IReadOnlyList<TemplatePart> template, List<int> first, List<int> second, int cut)
    {
        List<int> ids = new(first.Count + second.Count + 4), types = new(ids.Capacity);
        foreach (TemplatePart part in template)
        {
            IReadOnlyList<int> added = part.Ids ?? (IReadOnlyList<int>)(part.Second ? second : first);
            ids.AddRange(added);
            types.AddRange(Enumerable.Repeat(part.TypeId, added.Count));
        }

        return new EncodedText([.. ids], [.. types], cut);
    }

    private List<int> Tokens(string text)
    {
        List<int> ids = [];
        foreach (TextPiece piece in _literal.Cut(text))
        {
            if (piece.Id is int id)
            {
                ids.Add(id);
            }
            else
            {
                AppendNormalized(_definition.Normalize(text.Substring(piece.Start, piece.Length)), piece.Start == 0, ids);
            }
        }

        return ids;
    }

    private void AppendNormalized(string text, bool first, List<int> ids)
    {
        foreach (TextPiece piece in _normalized.Cut(text))
        {
            if (piece.Id is int id)
            {
                ids.Add(id);
                continue;
            }

            foreach (string word in _definition.Split(text.Substring(piece.Start, piece.Length), first && piece.Start == 0))
            {
                _definition.Model.Encode(word, ids);
            }
        }
    }
}
