using System.Text;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Inference.Generation;

/// <summary>What sampling options must satisfy.</summary>
internal static class SamplingRules
{
    public const int MostStopStrings = 64;
    public const int LongestStopString = 1024;

    /// <summary>Throws a <see cref="MedixException"/> with every fault of the options for a prompt of so many tokens.</summary>
    public static void Require(SamplingOptions options, Qwen3VLConfig config, int promptLength, TokenVocabulary? vocabulary)
    {
        string[] faults = [.. Numbers(options), .. Length(options, config, promptLength), .. Bias(options, config), .. Texts(options, config, vocabulary)];
        if (faults.Length > 0)
        {
            throw new MedixException($"Cannot generate: {string.Join("; ", faults)}.");
        }
    }

    private static IEnumerable<string> Numbers(SamplingOptions options)
    {
        (bool Holds, string Fault)[] rules =
        [
            (options.MaxNewTokens >= 1, $"MaxNewTokens is {options.MaxNewTokens}, expected at least 1"),
            (float.IsFinite(options.Temperature) && options.Temperature >= 0, $"Temperature is {options.Temperature}, expected 0 (greedy) or more"),
            (options.TopP is > 0 and <= 1, $"TopP is {options.TopP}, expected above 0 and at most 1"),
            (options.TopK >= 0, $"TopK is {options.TopK}, expected 0 (off) or more"),
            (options.MinP is >= 0 and <= 1, $"MinP is {options.MinP}, expected 0 (off) to 1"),
            (float.IsFinite(options.RepetitionPenalty) && options.RepetitionPenalty > 0,
                $"RepetitionPenalty is {options.RepetitionPenalty}, expected above 0 (1 is off)"),
            (options.PresencePenalty is >= -2 and <= 2, $"PresencePenalty is {options.PresencePenalty}, expected -2 to 2 (0 is off)"),
            (options.FrequencyPenalty is >= -2 and <= 2, $"FrequencyPenalty is {options.FrequencyPenalty}, expected -2 to 2 (0 is off)"),
        ];
        return rules.Where(rule => !rule.Holds).Select(rule => rule.Fault);
    }

    private static IEnumerable<string> Length(SamplingOptions options, Qwen3VLConfig config, int promptLength)
    {
        int limit = config.Text.MaxPositions;
        if ((long)promptLength + options.MaxNewTokens > limit)
        {
            yield return $"the longest prompt of {promptLength} tokens and {options.MaxNewTokens} new ones exceed the model's {limit} positions: "
                + "shorten the prompt (texts, pictures, what was said before), or allow fewer new tokens";
        }
    }

    private static IEnumerable<string> Bias(SamplingOptions options, Qwen3VLConfig config)
    {
        foreach ((int id, float bias) in options.LogitBias)
        {
            if (id < 0 || id >= config.Text.VocabularySize)
            {
                yield return $"LogitBias names token {id}, expected 0 to {config.Text.VocabularySize - 1}";
            }

            if (bias is not (>= -100 and <= 100))
            {
                yield return $"LogitBias of token {id} is {bias}, expected -100 to 100";
            }
        }
    }

    private static IEnumerable<string> Texts(SamplingOptions options, Qwen3VLConfig config, TokenVocabulary? vocabulary)
    {
        if (options.StopStrings.Count > MostStopStrings)
        {
            yield return $"StopStrings holds {options.StopStrings.Count} texts, expected at most {MostStopStrings}";
        }

        foreach (string text in options.StopStrings)
        {
            int bytes = Encoding.UTF8.GetByteCount(text);
            if (bytes is 0 or > LongestStopString)
            {
                yield return $"StopStrings holds a text of {bytes} bytes, expected 1 to {LongestStopString}";
            }
        }

        if (vocabulary is null && (options.StopStrings.Count > 0 || options.Constraint is not null))
        {
            yield return "StopStrings and Constraint need the tokens' texts: give the generator the model's TokenVocabulary";
        }

        if (options.Constraint is not null && config.EosTokenIds.Count == 0)
        {
            yield return "Constraint needs an end token, and the model's configuration names none (eos_token_id)";
        }
    }
}
