namespace Medix.Evaluation;

/// <summary>Groups places by their cluster's key (<see cref="Data.Sample.SplitKey"/>), in order of first appearance.</summary>
internal static class Clusters
{
    /// <summary>The members of each cluster.</summary>
    public static int[][] Group(IReadOnlyList<string> keys) =>
        [.. Enumerable.Range(0, keys.Count).GroupBy(i => keys[i], StringComparer.Ordinal).Select(group => group.ToArray())];
}
