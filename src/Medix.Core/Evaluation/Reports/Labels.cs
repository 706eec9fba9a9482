namespace Medix.Evaluation.Reports;

/// <summary>Names as a reader expects them, in place of those in recipes and tags.</summary>
internal static class Labels
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["X_RAY"] = "X-ray",
        ["CT_SCAN"] = "CT scan",
        ["MRI_SCAN"] = "MRI scan",
        ["PET_SCAN"] = "PET scan",
        ["OCT_SCAN"] = "OCT scan",
        ["SPECT"] = "SPECT",
        ["unknown"] = "Modality not known",
    };

    private static readonly Dictionary<string, string> Meanings = new(StringComparer.Ordinal)
    {
        ["judge"] = "Is 1 where the answer agrees with the reference, as judged.",
        ["embedding"] = "Is 1 where the answer's meaning lies close to the reference.",
        ["modality"] = "Is 1 where the modality tag is right.",
        ["format"] = "Is 1 where reasoning and answer stand in their places.",
    };

    /// <summary>A name with a capital and blanks.</summary>
    public static string Of(string name)
    {
        if (Known.TryGetValue(name, out string? known))
        {
            return known;
        }

        string text = name.Replace('_', ' ').Trim();
        text = name.Contains('_', StringComparison.Ordinal) || name.All(char.IsUpper) ? text.ToLowerInvariant() : text;
        return text.Length == 0 ? Numbers.None : char.ToUpperInvariant(text[0]) + text[1..];
    }

    /// <summary>What a reward term says, or null where it is not one of the method's.</summary>
    public static string? Meaning(string term) => Meanings.GetValueOrDefault(term);

    /// <summary>The weight of a term in the composite reward, or null where it has none.</summary>
    public static double? Weight(Runs.Recipes.RewardRecipe reward, string term) => term switch
    {
        "judge" => reward.JudgeWeight,
        "embedding" => reward.EmbeddingWeight,
        "modality" => reward.ModalityWeight,
        "format" => reward.FormatWeight,
        _ => null,
    };
}
