namespace Medix.Rewards;

/// <summary>The names of the four terms in recipes, logs and reports.</summary>
public static class RewardTerms
{
    /// <summary>The layout of tags.</summary>
    public const string Format = "format";

    /// <summary>The judge's verdict.</summary>
    public const string Judge = "judge";

    /// <summary>The similarity of embeddings.</summary>
    public const string Embedding = "embedding";

    /// <summary>The modality tag.</summary>
    public const string Modality = "modality";
}
