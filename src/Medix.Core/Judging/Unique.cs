using System.Runtime.InteropServices;

namespace Medix.Judging;

/// <summary>The different ones among many items, and which of them each was: costly work is done once for equal items.</summary>
internal sealed class Unique<T>
    where T : notnull
{
    private readonly int[] _places;

    /// <summary>Finds the different items, in order of first appearance.</summary>
    public Unique(IReadOnlyList<T> all)
    {
        Dictionary<T, int> known = [];
        _places = new int[all.Count];
        for (int i = 0; i < all.Count; i++)
        {
            ref int place = ref CollectionsMarshal.GetValueRefOrAddDefault(known, all[i], out bool seen);
            place = seen ? place : known.Count - 1;
            _places[i] = place;
        }

        Items = [.. known.Keys];
    }

    /// <summary>The different items.</summary>
    public T[] Items { get; }

    /// <summary>One result per original item from one result per different item.</summary>
    public TResult[] Spread<TResult>(IReadOnlyList<TResult> results) => [.. _places.Select(place => results[place])];
}
