namespace Medix.Text.Encoders;

/// <summary>A token and the logarithm of its probability.</summary>
internal readonly record struct ScoredToken(string Token, double Score);

/// <summary>
/// The segmentation of the highest total score (Kudo 2018, arXiv 1804.10959), by Viterbi's algorithm over a prefix tree. Characters that no
/// token covers are unknown, at 10 below the lowest score; neighbours among them are one unknown token.
/// </summary>
internal sealed class UnigramModel : SubwordModel
{
    private const double UnknownPenalty = 10;

    private readonly ScoredToken[] _tokens;
    private readonly double _unknownScore;

    // Children by node and UTF-16 unit; node 0 is the root. TokenAt: the token that ends at a node, or -1.
    private readonly Dictionary<long, int> _children = [];
    private readonly List<int> _tokenAt = [-1];

    public UnigramModel(ScoredToken[] tokens, int? unknownId)
        : base(SubwordKind.Unigram, unknownId)
    {
        _tokens = tokens;
        _unknownScore = tokens.Min(token => token.Score) - UnknownPenalty;
        for (int id = 0; id < tokens.Length; id++)
        {
            Add(tokens[id].Token, id);
        }
    }

    public override void Encode(string word, List<int> ids)
    {
        Step[] best = new Step[word.Length + 1];
        for (int start = 0, width; start < word.Length; start += width)
        {
            width = char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1;
            if (!Extend(word, start, width, best))
            {
                Offer(ref best[start + width], new Step(start, -1, best[start].Score + _unknownScore));
            }
        }

        int from = ids.Count, unknown = UnknownId ?? -1;
        for (int end = word.Length; end > 0; end = best[end].From)
        {
            int id = best[end].Id < 0 ? unknown : best[end].Id;
            if (id >= 0 && !(id == unknown && ids.Count > from && ids[^1] == unknown))
            {
                ids.Add(id);
            }
        }

        ids.Reverse(from, ids.Count - from);
    }

    /// <summary>Offers every token that begins at <paramref name="start"/>; whether one of them is a single character.</summary>
    private bool Extend(string word, int start, int width, Step[] best)
    {
        bool single = false;
        for (int end = start, node = 0; end < word.Length && _children.TryGetValue(Key(node, word[end]), out node);)
        {
            end++;
            if (_tokenAt[node] is >= 0 and int id)
            {
                Offer(ref best[end], new Step(start, id, best[start].Score + _tokens[id].Score));
                single |= end - start == width;
            }
        }

        return single;
    }

    private static void Offer(ref Step held, Step offered)
    {
        if (!held.Reached || offered.Score > held.Score)
        {
            held = offered;
        }
    }

    private void Add(string token, int id)
    {
        int node = 0;
        foreach (char unit in token)
        {
            if (!_children.TryGetValue(Key(node, unit), out int next))
            {
                next = _tokenAt.Count;
                _children.Add(Key(node, unit), next);
                _tokenAt.Add(-1);
            }

            node = next;
        }

        _tokenAt[node] = id;
    }

    private static long Key(int node, char unit) => ((long)node << 16) | unit;

    /// <summary>The best way to a place of the word: from where, by which token (-1: unknown), at which total.</summary>
    private readonly record struct Step(int From, int Id, double Score)
    {
        // False for the places of a new array.
        public bool Reached { get; } = true;
    }
}
