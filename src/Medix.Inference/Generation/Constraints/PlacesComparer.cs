using System.Diagnostics.CodeAnalysis;

namespace Medix.Inference.Generation.Constraints;

/// <summary>Order and equality of places, by node and stack.</summary>
internal sealed class PlacesComparer : IEqualityComparer<Place[]>
{
    public static PlacesComparer Instance { get; } = new();

    public static int Compare(Place a, Place b) =>
        a.Node != b.Node ? a.Node.CompareTo(b.Node) : (a.Stack?.Id ?? -1).CompareTo(b.Stack?.Id ?? -1);

    public bool Equals(Place[]? x, Place[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] Place[] obj)
    {
        HashCode hash = default;
        foreach (Place place in obj)
        {
            hash.Add(place.Node);
            hash.Add(place.Stack?.Id ?? -1);
        }

        return hash.ToHashCode();
    }
}
