namespace Medix.Text.Encoders;

/// <summary>
/// WordPiece (Schuster and Nakajima 2012, as BERT uses it): the longest token that begins the word, then the longest continuation, and so on;
/// a word that cannot be spelled, or has too many code points, is the unknown token.
/// </summary>
internal sealed class WordPieceModel : SubwordModel
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _starts;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _rests;
    private readonly int _longest;
    private readonly int _unknown;
    private readonly int _maxCharacters;

    public WordPieceModel(IReadOnlyDictionary<string, int> vocabulary, int unknown, string continuation, int maxCharacters)
        : base(SubwordKind.WordPiece, unknown)
    {
        Dictionary<string, int> starts = new(vocabulary, StringComparer.Ordinal);
        Dictionary<string, int> rests = vocabulary.Where(pair => pair.Key.StartsWith(continuation, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[continuation.Length..], pair => pair.Value, StringComparer.Ordinal);
        _starts = starts.GetAlternateLookup<ReadOnlySpan<char>>();
        _rests = rests.GetAlternateLookup<ReadOnlySpan<char>>();
        _longest = vocabulary.Keys.Max(token => token.Length);
        _unknown = unknown;
        _maxCharacters = maxCharacters;
    }

    public override void Encode(string word, List<int> ids)
    {
        int before = ids.Count;
        bool spelled = word.Length <= _maxCharacters || CodePoints(word) <= _maxCharacters;
        for (int at = 0; at < word.Length && spelled;)
        {
            var lookup = at == 0 ? _starts : _rests;
            int length = Math.Min(word.Length - at, _longest), id = 0;
            while (length > 0 && !lookup.TryGetValue(word.AsSpan(at, length), out id))
            {
                length--;
            }

            ids.Add(id);
            at += length;
            spelled = length > 0;
        }

        if (!spelled)
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(_unknown);
        }
    }

    private static int CodePoints(string word) => word.Length - word.Count(char.IsLowSurrogate);
}
