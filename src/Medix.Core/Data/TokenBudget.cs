using Medix.Runs;

namespace Medix.Data;

/// <summary>Leaves out samples whose prompt, image tokens included, is longer than the model is given room for.</summary>
public static class TokenBudget
{
    /// <summary>
    /// The set without samples of more than <paramref name="maxPromptTokens"/>; those become skipped rows, never a prompt cut short
    /// (a cut prompt loses its question or part of an image).
    /// </summary>
    /// <param name="set">Samples to look at.</param>
    /// <param name="countTokens">Tokens of a sample's whole prompt with chat markup and image tokens.</param>
    /// <param name="maxPromptTokens">Largest number allowed.</param>
    public static SampleSet Check(SampleSet set, Func<Sample, int> countTokens, int maxPromptTokens)
    {
        List<Sample> kept = [];
        SkipLog skipped = new();
        foreach (Sample sample in set.Samples)
        {
            int tokens;
            try
            {
                tokens = countTokens(sample);
            }
            catch (MedixException fault)
            {
                skipped.Add(SkipReasons.DamagedImage, sample.Id, fault.Message);
                continue;
            }

            if (tokens <= maxPromptTokens)
            {
                kept.Add(sample);
            }
            else
            {
                skipped.Add(SkipReasons.TooManyTokens, sample.Id, $"{tokens} > {maxPromptTokens} (images included)");
            }
        }

        if (kept.Count == 0)
        {
            throw new MedixException(
                $"No sample fits {maxPromptTokens} prompt tokens. {skipped.ToSkippedRows().Describe()} Raise the budget or make images smaller.");
        }

        return SampleSet.Create(kept, set.Skipped.With(skipped.ToSkippedRows().Rows));
    }
}
