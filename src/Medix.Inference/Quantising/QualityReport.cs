using Medix.Evaluation;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Quantising;

/// <summary>
/// Greedy answers of both models to the same phantoms. <paramref name="SameText"/> is the share of responses that are equal to the last character;
/// <paramref name="Reward"/> and <paramref name="Correct"/> compare the composite reward and the judge's verdict, before and after.
/// </summary>
public sealed record AnswerQuality(int Questions, string Template, Estimate SameText, PairedComparison? Reward, PairedComparison? Correct);

/// <summary>What was shown to the model, or nothing.</summary>
public sealed record CalibrationSummary(string Name, int LearnTokens, int MeasureTokens, int Pictures);

/// <summary>
/// All that is known of a packed model beside its original, as <c>quality.json</c> in its folder. <see cref="Kept"/> are the matrices stored in more bits than the
/// plan's kind because 4 bits cost too much there. Parts that were not measured are null, and <paramref name="Skipped"/> says why.
/// </summary>
public sealed record QualityReport(
    string Source,
    WeightStorage To,
    long Parameters,
    long Bytes,
    double BitsPerWeight,
    StoragePlan Plan,
    CalibrationSummary? Calibration,
    double MostDivergence,
    TextQuality? Text,
    AnswerQuality? Answers,
    IReadOnlyList<GroupCost> Groups,
    IReadOnlyList<TensorError> Tensors,
    IReadOnlyList<string> Skipped)
{
    /// <summary>Groups that stay in 8 bits.</summary>
    public IEnumerable<GroupCost> Kept => Groups.Where(group => group.Kept);
}
