using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;
using Microsoft.Extensions.AI;

namespace Medix.Inference.Serving;

/// <summary>Chat options as those of the sampler. Compiled constraints are kept: a judge sends the same schema with every question.</summary>
internal sealed class ChatSampling(int contextLimit)
{
    private const int DefaultTokens = 1024;
    private const int MostKept = 32;
    private readonly ConcurrentDictionary<string, OutputConstraint> constraints = new(StringComparer.Ordinal);

    /// <summary>The seed of an answer: 0 unless one is given.</summary>
    public static ulong SeedOf(ChatOptions? options) => unchecked((ulong)(options?.Seed ?? 0));

    /// <summary>Whether the tokens' log-probabilities are asked for.</summary>
    public static bool WantsLogProbs(ChatOptions? options) => options?.AdditionalProperties?.TryGetValue("logprobs", out object? wish) == true && IsTrue(wish);

    /// <summary>
    /// The sampler's options. Without a limit an answer may have <see cref="DefaultTokens"/> tokens, or as many as the context still holds; a limit that is given and
    /// does not fit is refused by the server. Throws <see cref="MedixException"/> where an option is not known here.
    /// </summary>
    public SamplingOptions For(ChatOptions? options, int promptTokens)
    {
        int room = Math.Clamp(contextLimit - promptTokens, 1, DefaultTokens);
        if (options is null)
        {
            return new SamplingOptions(room, Temperature: 0);
        }

        if (options.Tools is { Count: > 0 })
        {
            throw new MedixException($"The chat options have {options.Tools.Count} tools; a local model calls none. Leave ChatOptions.Tools empty.");
        }

        return new SamplingOptions(options.MaxOutputTokens ?? room, options.Temperature ?? 0, options.TopP ?? 1, options.TopK ?? 0)
        {
            MinP = Number(options, "min_p") ?? 0,
            RepetitionPenalty = Number(options, "repetition_penalty") ?? 1,
            FrequencyPenalty = options.FrequencyPenalty ?? 0,
            PresencePenalty = options.PresencePenalty ?? 0,
            StopStrings = [.. options.StopSequences ?? []],
            Constraint = ConstraintOf(options),
            WithRawLogProbs = WantsLogProbs(options),
        };
    }

    private OutputConstraint? ConstraintOf(ChatOptions options)
    {
        string? regex = Text(options, "regex");
        if (options.ResponseFormat is not ChatResponseFormatJson json)
        {
            return regex is null ? null : Compiled("regex " + regex, () => OutputConstraint.Regex(regex));
        }

        if (regex is not null)
        {
            throw new MedixException("The chat options have both a JSON response format and a regex. Leave one out.");
        }

        string schema = json.Schema?.GetRawText() ?? """{"type":"object"}""";
        return Compiled("schema " + schema, () => OutputConstraint.JsonSchema(schema));
    }

    private OutputConstraint Compiled(string key, Func<OutputConstraint> compile)
    {
        if (constraints.Count >= MostKept && !constraints.ContainsKey(key))
        {
            constraints.Clear();
        }

        return constraints.GetOrAdd(key, _ => compile());
    }

    private static float? Number(ChatOptions options, string name)
    {
        if (options.AdditionalProperties?.TryGetValue(name, out object? value) != true || value is null)
        {
            return null;
        }

        string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return float.TryParse(text, CultureInfo.InvariantCulture, out float number)
            ? number
            : throw new MedixException($"The chat option {name} is '{text}', expected a number.");
    }

    private static string? Text(ChatOptions options, string name) => options.AdditionalProperties?.TryGetValue(name, out object? value) == true
        ? value is JsonElement { ValueKind: JsonValueKind.String } element ? element.GetString() : value as string
        : null;

    private static bool IsTrue(object? value) => value is true or JsonElement { ValueKind: JsonValueKind.True };
}
