using System.Security.Cryptography;
using System.Text;

namespace Medix.Data;

/// <summary>
/// Which samples must stay on one side of a split: those that share a patient or study, or any picture (by content, whatever its name),
/// directly or through others; and text-only samples that ask the same question.
/// </summary>
internal static class SplitKeys
{
    /// <summary>A row's own key: its group, else its first picture, else its question.</summary>
    public static string Own(DatasetRow row, string question) => row switch
    {
        { Group: { Length: > 0 } group } => $"group:{group}",
        { Images.Count: > 0 } => $"image:{Convert.ToHexStringLower(SHA256.HashData(row.Images[0].Bytes.Span))}",
        _ => $"text:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(question)))}",
    };

    /// <summary>The samples with one key per connected set: the ordinally smallest of its members' keys, so that order does not matter.</summary>
    public static IReadOnlyList<Sample> Join(IReadOnlyList<Sample> samples, ImageDigests digests)
    {
        Dictionary<string, string> parents = new(StringComparer.Ordinal);
        foreach (Sample sample in samples)
        {
            string key = Root(parents, sample.SplitKey);
            foreach (ImageSource image in sample.Images)
            {
                key = Unite(parents, key, Root(parents, $"image:{digests.Of(image)}"));
            }
        }

        return [.. samples.Select(sample => sample with { SplitKey = Root(parents, sample.SplitKey) })];
    }

    private static string Root(Dictionary<string, string> parents, string key)
    {
        while (parents.TryGetValue(key, out string? parent))
        {
            key = parent;
        }

        return key;
    }

    // The smaller key becomes the root: paths stay short in practice (a few pictures per patient), and the result is independent of order.
    private static string Unite(Dictionary<string, string> parents, string a, string b)
    {
        int order = string.CompareOrdinal(a, b);
        if (order == 0)
        {
            return a;
        }

        (string root, string child) = order < 0 ? (a, b) : (b, a);
        parents[child] = root;
        return root;
    }
}
