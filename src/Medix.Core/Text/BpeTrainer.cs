using System.Runtime.InteropServices;
using System.Text;

namespace Medix.Text;

/// <summary>
/// Learns a byte-level byte-pair vocabulary (Sennrich et al. 2016, arXiv 1508.07909) with Qwen2's way of splitting text. Deterministic: the most
/// frequent pair is merged, of equally frequent ones the pair with the smaller ids. A pair that occurs once is never merged.
/// </summary>
public static class BpeTrainer
{
    private const int Bytes = 256;
    private const long LeastCount = 2;

    /// <summary>
    /// Trains on texts. <paramref name="vocabularySize"/> counts the 256 bytes, the merges and the added tokens, whose ids are the last ones;
    /// the result is smaller where the texts have too few repeated pairs. Added tokens in the texts are left out of the counts.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size has no room for the bytes and the added tokens.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabularySize, IReadOnlyList<AddedToken> added)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(added);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, Bytes + added.Count);
        MergeSearch search = new(CountWords(texts, added));
        Dictionary<string, int> vocabulary = Enumerable.Range(0, Bytes).ToDictionary(value => ByteAlphabet.Symbol((byte)value).ToString(), value => value);
        List<string> tokens = [.. vocabulary.Keys];
        List<Merge> merges = [];
        while (vocabulary.Count + added.Count < vocabularySize && search.Best(LeastCount) is { } pair)
        {
            Merge merge = new(tokens[pair.Left], tokens[pair.Right]);
            merges.Add(merge);
            // Two ways can lead to one token ("a"+"bc", "ab"+"c").
            if (vocabulary.TryAdd(merge.Product, tokens.Count))
            {
                tokens.Add(merge.Product);
            }

            search.Apply(pair, vocabulary[merge.Product]);
        }

        Dictionary<int, AddedToken> addedIds = added.Select((token, i) => KeyValuePair.Create(tokens.Count + i, token)).ToDictionary();
        return new Tokenizer(new TokenizerDefinition(vocabulary, merges, addedIds, SplitPattern.Qwen2, ComposesText: true), "the trained vocabulary");
    }

    // In order of first appearance, so that nothing depends on hash codes.
    private static List<(byte[] Word, long Count)> CountWords(IEnumerable<string> texts, IReadOnlyList<AddedToken> added)
    {
        AddedTokenMatcher matcher = new(added.Select((token, i) => KeyValuePair.Create(i, token)), content => content);
        WordSplitter splitter = new(SplitPattern.Qwen2);
        Dictionary<string, int> places = [];
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = places.GetAlternateLookup<ReadOnlySpan<char>>();
        List<long> counts = [];
        foreach (string text in texts)
        {
            foreach (TextPiece piece in matcher.Cut(text).Where(piece => piece.Id is null))
            {
                string composed = UnicodeNormalizer.Compose(text.Substring(piece.Start, piece.Length));
                foreach ((int offset, int length) in splitter.Split(composed))
                {
                    ref int place = ref CollectionsMarshal.GetValueRefOrAddDefault(lookup, composed.AsSpan(offset, length), out bool known);
                    place = known ? place : counts.Count;
                    if (!known)
                    {
                        counts.Add(0);
                    }

                    counts[place]++;
                }
            }
        }

        return [.. places.OrderBy(entry => entry.Value).Select(entry => (Encoding.UTF8.GetBytes(entry.Key), counts[entry.Value]))];
    }
}
