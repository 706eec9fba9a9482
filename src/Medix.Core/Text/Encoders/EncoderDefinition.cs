namespace Medix.Text.Encoders;

/// <summary>The two ways encoder vocabularies cut words.</summary>
public enum SubwordKind
{
    /// <summary>Greedy longest match with marked continuations: BERT.</summary>
    WordPiece,

    /// <summary>The likeliest segmentation under a unigram model: SentencePiece.</summary>
    Unigram,
}

/// <summary>Turns one word into token ids.</summary>
internal abstract class SubwordModel(SubwordKind kind, int? unknownId)
{
    public SubwordKind Kind => kind;

    /// <summary>What stands for a word that the vocabulary cannot spell; null where the files name none.</summary>
    public int? UnknownId => unknownId;

    public abstract void Encode(string word, List<int> ids);
}

/// <summary>The words of a normalised text; <paramref name="first"/> says that nothing stands before it.</summary>
internal delegate IEnumerable<string> WordSplit(string text, bool first);

/// <summary>A place of a template: special tokens, or the first or second text where <paramref name="Ids"/> is null.</summary>
internal sealed record TemplatePart(int[]? Ids, bool Second, int TypeId);

/// <summary>Everything an encoder tokenizer's files say. The templates may be empty: then no special token is added and a pair is one after the other.</summary>
internal sealed record EncoderDefinition(
    IReadOnlyDictionary<string, int> Vocabulary,
    SubwordModel Model,
    IReadOnlyDictionary<int, AddedToken> Added,
    Func<string, string> Normalize,
    WordSplit Split,
    IReadOnlyList<TemplatePart> Single,
    IReadOnlyList<TemplatePart> Pair);
