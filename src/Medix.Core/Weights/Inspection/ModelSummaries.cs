using Medix.Weights.Adapters;
using Medix.Weights.Encoders;

namespace Medix.Weights.Inspection;

/// <summary>Counts of a report, and models' shapes in one line.</summary>
internal static class ModelSummaries
{
    public static string Of(Qwen3VLConfig config)
    {
        TextConfig text = config.Text;
        string experts = text.Experts > 0 ? $", {text.Experts} experts of {text.ExpertIntermediate}, {text.ExpertsPerToken} per token" : $", MLP of {text.Intermediate}";
        string vision = config.Vision is { } tower ? $"; vision: {tower.Depth} layers of {tower.Hidden}, {tower.Heads} heads, patches of {tower.PatchSize}" : "";
        return $"text: {text.Layers} layers of {text.Hidden}, {text.Heads} heads of {text.HeadDim} ({text.KeyValueHeads} of keys and values){experts}, "
            + $"{text.VocabularySize} embeddings{(text.TieWordEmbeddings ? " tied to the head" : "")}, {text.MaxPositions} positions{vision}";
    }

    public static string Of(BertConfig config) =>
        $"{config.Layers} layers of {config.Hidden}, {config.Heads} heads of {config.HeadDim}, MLP of {config.Intermediate}, {config.VocabularySize} embeddings";

    /// <summary>A table of vectors, the largest matrix; files may hold weights of each row beside it.</summary>
    public static string OfVectors(IEnumerable<TensorEntry> tensors, string rows) =>
        tensors.Where(tensor => tensor.Shape is { Count: 2 }).MaxBy(tensor => tensor.Parameters)?.Shape is { } shape
            ? $"vectors of {shape[1]} numbers for {shape[0]} {rows}"
            : $"a vector for each of its {rows}";

    public static string Of(LoraConfig config)
    {
        string kind = config.Dora ? "DoRA" : config.RankStabilised ? "rank-stabilised LoRA" : "LoRA";
        string targets = config.Targets.Pattern ?? string.Join(", ", config.Targets.Modules.Concat(config.Targets.Parameters ?? []));
        string patterns = config.RankPattern is { Count: > 0 } ? " (others by rank_pattern)" : "";
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{kind} of rank {config.Rank}{patterns}, alpha {config.Alpha}, on {targets}, for the base model {config.BaseModel ?? "that is not named"}");
    }

    /// <summary>
    /// Parameters of a language model by part. Of a mixture's experts a token passes through the share that it is routed to.
    /// </summary>
    public static ParameterCounts Count(IEnumerable<TensorEntry> tensors, TextConfig text)
    {
        long total = 0, vision = 0, experts = 0;
        foreach (TensorEntry tensor in tensors)
        {
            string name = TensorNames.Canonical(tensor.Name);
            long count = tensor.Parameters ?? 0;
            total += count;
            vision += name.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal) ? count : 0;
            experts += name.Contains(".mlp.experts.", StringComparison.Ordinal) ? count : 0;
        }

        long resting = text.Experts is > 0 and int number ? experts / number * (number - text.ExpertsPerToken) : 0;
        return new ParameterCounts(total, total - vision, vision, total - vision - resting);
    }

    /// <summary>Totals by element type, that of most bytes first.</summary>
    public static IReadOnlyList<DTypeTotal> Totals(IEnumerable<TensorEntry> tensors) =>
    [
        .. tensors.GroupBy(tensor => tensor.DType ?? "unknown")
            .Select(type => new DTypeTotal(type.Key, type.Count(), type.Sum(tensor => tensor.Parameters ?? 0), type.Sum(tensor => tensor.Bytes ?? 0)))
            .OrderByDescending(type => type.Bytes).ThenBy(type => type.DType, StringComparer.Ordinal),
    ];
}
