using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Medix.Runs;

namespace Medix.Data;

/// <summary>
/// A dataset ready for use: its samples in order, the rows that could not be used, and <paramref name="Hash"/>, the SHA-256 (hexadecimal)
/// over ids, questions, answers, modalities and image bytes. The hash does not depend on the prompt template.
/// </summary>
public sealed record SampleSet(IReadOnlyList<Sample> Samples, SkippedRows Skipped, string Hash)
{
    /// <summary>Samples by modality tag, <c>unknown</c> where there is none.</summary>
    public IReadOnlyDictionary<string, int> CountByModality() => Samples
        .GroupBy(sample => sample.Modality ?? "unknown", StringComparer.Ordinal)
        .OrderBy(group => group.Key, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>
    /// Reads a whole source: every row becomes a sample or a skipped row. <paramref name="check"/> is called once per distinct picture.
    /// Samples that share a picture or group get one split key; a repeated id gets a suffix (<c>17#2</c>).
    /// </summary>
    /// <exception cref="MedixException">The source cannot be read, or not one row can be used.</exception>
    public static async Task<SampleSet> LoadAsync(
        ISampleSource source, PromptTemplate template, ImageCheck? check, CancellationToken cancellationToken)
    {
        SkipLog skipped = new();
        ImageDigests digests = new();
        ImageCheck? checkOnce = check is null ? null : Once(check, digests);
        List<Sample> samples = [];
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        await foreach (DatasetRow row in source.ReadAsync(skipped, cancellationToken).ConfigureAwait(false))
        {
            if (RowToSample.Map(row, template, checkOnce, skipped) is { } sample)
            {
                samples.Add(sample with { Id = Unique(sample.Id, ids) });
            }
        }

        if (samples.Count == 0)
        {
            throw new MedixException(skipped.Count == 0
                ? $"The data set '{source.Name}' has no rows. Give the path of one that has."
                : $"None of the {skipped.Count} rows of '{source.Name}' can be used. {skipped.ToSkippedRows().Describe()}");
        }

        return Create(samples, skipped.ToSkippedRows(), digests);
    }

    /// <summary>A set of samples made elsewhere: split keys are joined and the hash computed.</summary>
    public static SampleSet Create(IReadOnlyList<Sample> samples, SkippedRows skipped) => Create(samples, skipped, new ImageDigests());

    private static SampleSet Create(IReadOnlyList<Sample> samples, SkippedRows skipped, ImageDigests digests) =>
        new(SplitKeys.Join(samples, digests), skipped, HashOf(samples, digests));

    private static string HashOf(IReadOnlyList<Sample> samples, ImageDigests digests)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Sample sample in samples)
        {
            Append(hash, sample.Id);
            Append(hash, sample.Question);
            Append(hash, sample.Reference);
            Append(hash, sample.Modality ?? "");
            Append(hash, sample.Images.Count.ToString(CultureInfo.InvariantCulture));
            foreach (ImageSource image in sample.Images)
            {
                Append(hash, digests.Of(image));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Every field is preceded by its length, so that no two different sets feed the hash the same bytes.
    private static void Append(IncrementalHash hash, string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref length)));
        hash.AppendData(Encoding.UTF8.GetBytes(text));
    }

    private static ImageCheck Once(ImageCheck check, ImageDigests digests)
    {
        Dictionary<string, string?> faults = new(StringComparer.Ordinal);
        return image =>
        {
            string digest = digests.Of(image);
            if (!faults.TryGetValue(digest, out string? fault))
            {
                try
                {
                    check(image);
                }
                catch (MedixException error)
                {
                    fault = error.Message;
                }

                faults.Add(digest, fault);
            }

            if (fault is not null)
            {
                throw new MedixException(fault);
            }
        };
    }

    private static string Unique(string id, Dictionary<string, int> ids)
    {
        string unique = id;
        while (!ids.TryAdd(unique, 1))
        {
            unique = string.Create(CultureInfo.InvariantCulture, $"{id}#{++ids[id]}");
        }

        return unique;
    }
}
