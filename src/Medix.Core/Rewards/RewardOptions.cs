using System.Globalization;

namespace Medix.Rewards;

/// <summary>Which rules score a response.</summary>
public enum RewardMode
{
    /// <summary>This project's rules: last answer outside thinking, a term that could not be scored is unscored. Spelled <c>medix</c> in recipes.</summary>
    Medix,

    /// <summary>
    /// The rules of MediX-R1 (arXiv 2602.23363) with their known defects, for comparison; spelled <c>medix-r1</c> in recipes.
    /// Only <see cref="RewardOptions.FormatWeight"/> is free there, as in the original.
    /// </summary>
    MedixR1,
}

/// <summary>
/// Weights and thresholds of the composite reward; the defaults are the paper's (0.9·(0.575, 0.375, 0.05) and 0.1). In mode <see cref="RewardMode.Medix"/>
/// weights are relative: the total is divided by the sum over the terms that apply to the sample, so it stays in [0, 1]. A term of weight 0 is not computed.
/// </summary>
public sealed record RewardOptions
{
    /// <summary>The rules.</summary>
    public RewardMode Mode { get; init; } = RewardMode.Medix;

    /// <summary>Weight of the layout of tags.</summary>
    public double FormatWeight { get; init; } = 0.1;

    /// <summary>Weight of the judge's verdict.</summary>
    public double JudgeWeight { get; init; } = 0.5175;

    /// <summary>Weight of the similarity of embeddings.</summary>
    public double EmbeddingWeight { get; init; } = 0.3375;

    /// <summary>Weight of the modality tag.</summary>
    public double ModalityWeight { get; init; } = 0.045;

    /// <summary>Cosine in [-1, 1] from which the embedding term is 1. Not used when <see cref="GradedSimilarity"/> is set.</summary>
    public double SimilarityThreshold { get; init; } = 0.8;

    /// <summary>The embedding term is the cosine itself, held to [0, 1], in place of 0 or 1.</summary>
    public bool GradedSimilarity { get; init; }

    /// <summary>
    /// The embedding term is 0 where the answer contradicts the reference in side, negation, number or unit, however similar the words:
    /// embeddings hardly see exactly these. Not part of the paper, and off in mode <see cref="RewardMode.MedixR1"/>.
    /// </summary>
    public bool VetoContradictions { get; init; } = true;

    /// <summary>All that is wrong with these options, each line with the field, the value and what was expected; empty when they can be used.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        CheckWeight(problems, nameof(FormatWeight), FormatWeight);
        CheckWeight(problems, nameof(JudgeWeight), JudgeWeight);
        CheckWeight(problems, nameof(EmbeddingWeight), EmbeddingWeight);
        CheckWeight(problems, nameof(ModalityWeight), ModalityWeight);
        double sum = FormatWeight + JudgeWeight + EmbeddingWeight + ModalityWeight;
        if (problems.Count == 0 && sum <= 0)
        {
            problems.Add("all reward weights are 0; expected at least one above 0, or there is nothing to learn from.");
        }

        if (!(SimilarityThreshold is >= -1 and <= 1))
        {
            problems.Add(Text($"similarityThreshold is {SimilarityThreshold}; expected a cosine between -1 and 1."));
        }

        if (Mode == RewardMode.MedixR1)
        {
            AddMedixR1Problems(problems);
        }

        return problems;
    }

    private void AddMedixR1Problems(List<string> problems)
    {
        RewardOptions paper = new() { Mode = Mode, FormatWeight = FormatWeight, VetoContradictions = VetoContradictions };
        if (this != paper)
        {
            problems.Add("mode medix-r1 has fixed weights, threshold and similarity; remove every reward field but formatWeight, or choose mode medix.");
        }

        if (FormatWeight > 1)
        {
            problems.Add(Text($"formatWeight is {FormatWeight}; expected at most 1 in mode medix-r1, where the other terms share the rest."));
        }
    }

    private static void CheckWeight(List<string> problems, string name, double value)
    {
        if (!double.IsFinite(value) || value < 0)
        {
            string field = char.ToLowerInvariant(name[0]) + name[1..];
            problems.Add(Text($"{field} is {value}; expected a finite number of 0 or more."));
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
