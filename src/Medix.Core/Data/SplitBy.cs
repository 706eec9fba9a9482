using Medix.Runs;

namespace Medix.Data;

/// <summary>The two sides of a split, each in the dataset's order.</summary>
public sealed record SampleSplit(IReadOnlyList<Sample> Train, IReadOnlyList<Sample> HeldOut);

/// <summary>Splits samples by picture or patient, never by question.</summary>
public static class SplitBy
{
    /// <summary>
    /// Holds out a share of the split keys (at least one, never all), those whose hash with <paramref name="seed"/> is smallest:
    /// the same keys and seed give the same split in any order of samples.
    /// </summary>
    /// <param name="samples">Samples with their split keys joined, as <see cref="SampleSet"/> has them.</param>
    /// <param name="heldOutFraction">Share of keys, in (0, 1).</param>
    /// <param name="seed">Another seed holds out other keys.</param>
    /// <exception cref="MedixException">There are fewer than two keys, or a picture stands under two keys.</exception>
    public static SampleSplit Key(IReadOnlyList<Sample> samples, double heldOutFraction, ulong seed)
    {
        if (!(heldOutFraction is > 0 and < 1))
        {
            throw new MedixException($"The held-out fraction is {heldOutFraction}, expected a number between 0 and 1, for example 0.2.");
        }

        string[] keys = [.. samples.Select(sample => sample.SplitKey).Distinct(StringComparer.Ordinal)];
        if (keys.Length < 2)
        {
            throw new MedixException(
                $"The {samples.Count} samples have {keys.Length} distinct picture or patient, so none can be held out. Give a data set with at least two.");
        }

        int count = Math.Clamp((int)Math.Round(heldOutFraction * keys.Length, MidpointRounding.AwayFromZero), 1, keys.Length - 1);
        HashSet<string> heldOut = [.. keys.OrderBy(key => Seed.Derive(seed, Seed.Of(key))).ThenBy(key => key, StringComparer.Ordinal).Take(count)];
        SampleSplit split = new(
            [.. samples.Where(sample => !heldOut.Contains(sample.SplitKey))],
            [.. samples.Where(sample => heldOut.Contains(sample.SplitKey))]);
        LeakReport leaks = LeakReport.Between(split.Train, split.HeldOut);
        return leaks.IsClean ? split : throw new MedixException(leaks.Describe());
    }
}

/// <summary>What two sides of a split share: split keys, pictures (SHA-256 of their bytes) and sample ids. Empty lists prove them disjoint.</summary>
public sealed record LeakReport(IReadOnlyList<string> Keys, IReadOnlyList<string> Pictures, IReadOnlyList<string> Ids)
{
    /// <summary>Whether nothing is shared.</summary>
    public bool IsClean => Keys.Count + Pictures.Count + Ids.Count == 0;

    /// <summary>Compares the two sides; pictures are hashed anew, whatever the split keys say.</summary>
    public static LeakReport Between(IReadOnlyList<Sample> train, IReadOnlyList<Sample> heldOut)
    {
        ImageDigests digests = new();
        return new LeakReport(
            Shared(train, heldOut, sample => [sample.SplitKey]),
            Shared(train, heldOut, sample => sample.Images.Select(digests.Of)),
            Shared(train, heldOut, sample => [sample.Id]));
    }

    /// <summary>A paragraph for people.</summary>
    public string Describe() => IsClean
        ? "Training and held-out samples share nothing."
        : $"Training and held-out samples share {Keys.Count} split keys, {Pictures.Count} pictures and {Ids.Count} ids "
            + $"(first: {Keys.Concat(Pictures).Concat(Ids).First()}). Make the samples with SampleSet, which joins what belongs together.";

    private static IReadOnlyList<string> Shared(IReadOnlyList<Sample> a, IReadOnlyList<Sample> b, Func<Sample, IEnumerable<string>> select) =>
        [.. a.SelectMany(select).Intersect(b.SelectMany(select), StringComparer.Ordinal)];
}
