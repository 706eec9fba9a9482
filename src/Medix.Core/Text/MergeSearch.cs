using System.Runtime.InteropServices;

namespace Medix.Text;

/// <summary>Two neighbouring symbols.</summary>
internal readonly record struct SymbolPair(int Left, int Right);

/// <summary>
/// Words as lists of symbols, with the count of every neighbouring pair kept up to date while pairs are merged. The queue holds
/// each pair with a count it once had; an entry whose count has fallen since is put back with the true one when it comes up.
/// </summary>
internal sealed class MergeSearch
{
    private readonly List<int>[] _words;
    private readonly long[] _counts;
    private readonly Dictionary<SymbolPair, long> _pairCounts = [];
    private readonly Dictionary<SymbolPair, HashSet<int>> _places = [];
    private readonly PriorityQueue<SymbolPair, (long Count, SymbolPair Pair)> _queue = new(
        Comparer<(long Count, SymbolPair Pair)>.Create(static (a, b) =>
            a.Count != b.Count ? b.Count.CompareTo(a.Count)
            : a.Pair.Left != b.Pair.Left ? a.Pair.Left.CompareTo(b.Pair.Left)
            : a.Pair.Right.CompareTo(b.Pair.Right)));

    /// <summary>Counts all pairs of the words; symbols below 256 are bytes.</summary>
    public MergeSearch(IReadOnlyList<(byte[] Word, long Count)> words)
    {
        _words = [.. words.Select(entry => entry.Word.Select(value => (int)value).ToList())];
        _counts = [.. words.Select(entry => entry.Count)];
        HashSet<SymbolPair> seen = [];
        for (int word = 0; word < _words.Length; word++)
        {
            Count(word, _counts[word]);
            Note(word, null, seen);
        }

        Enqueue(seen);
    }

    /// <summary>The most frequent pair, or null where none occurs <paramref name="leastCount"/> times.</summary>
    public SymbolPair? Best(long leastCount)
    {
        while (_queue.TryDequeue(out SymbolPair pair, out (long Count, SymbolPair Pair) rank))
        {
            long count = _pairCounts.GetValueOrDefault(pair);
            if (count == rank.Count && count >= leastCount)
            {
                return pair;
            }

            if (count < rank.Count && count >= leastCount)
            {
                _queue.Enqueue(pair, (count, pair));
            }
        }

        return null;
    }

    /// <summary>Replaces a pair by its product in every word that has it, from left to right.</summary>
    public void Apply(SymbolPair pair, int product)
    {
        HashSet<SymbolPair> grown = [];
        foreach (int word in _places[pair].ToArray())
        {
            Count(word, -_counts[word]);
            Replace(_words[word], pair, product);
            Count(word, _counts[word]);
            Note(word, product, grown);
        }

        _places.Remove(pair);
        _pairCounts.Remove(pair);
        Enqueue(grown);
    }

    // Adds a word's pairs to the counts, or takes them out where the amount is negative.
    private void Count(int word, long amount)
    {
        List<int> symbols = _words[word];
        for (int i = 1; i < symbols.Count; i++)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_pairCounts, new SymbolPair(symbols[i - 1], symbols[i]), out _) += amount;
        }
    }

    // Remembers where pairs are: all of the word, or those of one symbol. A merge makes no others more frequent.
    private void Note(int word, int? symbol, HashSet<SymbolPair> seen)
    {
        List<int> symbols = _words[word];
        for (int i = 1; i < symbols.Count; i++)
        {
            SymbolPair pair = new(symbols[i - 1], symbols[i]);
            if (symbol is null || pair.Left == symbol || pair.Right == symbol)
            {
                (CollectionsMarshal.GetValueRefOrAddDefault(_places, pair, out _) ??= []).Add(word);
                seen.Add(pair);
            }
        }
    }

    private void Enqueue(HashSet<SymbolPair> pairs)
    {
        foreach (SymbolPair pair in pairs)
        {
            _queue.Enqueue(pair, (_pairCounts[pair], pair));
        }
    }

    private static void Replace(List<int> symbols, SymbolPair pair, int product)
    {
        int kept = 0;
        for (int i = 0; i < symbols.Count; i++, kept++)
        {
            bool match = i + 1 < symbols.Count && symbols[i] == pair.Left && symbols[i + 1] == pair.Right;
            symbols[kept] = match ? product : symbols[i];
            i += match ? 1 : 0;
        }

        symbols.RemoveRange(kept, symbols.Count - kept);
    }
}
