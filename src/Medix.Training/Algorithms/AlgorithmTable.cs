using Medix.Runs;
using Medix.Training.Filtering;
using Medix.Training.Losses;

namespace Medix.Training.Algorithms;

/// <summary>The methods a recipe can name. A new method is a row here.</summary>
public static class AlgorithmTable
{
    /// <summary>Every method. Groups without spread are left out in all of them; only DAPO draws again to replace them.</summary>
    public static IReadOnlyList<Algorithm> All { get; } =
    [
        new(
            Name: "grpo",
            Advantage: "grpo",
            Loss: "clipped",
            Clip: new ClipRange(0.2, 0.3),
            Options: new PolicyLossOptions(Kl: new KlPenalty(KlEstimator.K3, 1e-2)),
            Filter: new GroupFilterOptions(),
            Overlong: null,
            Source: "Shao et al. 2024, arXiv 2402.03300; settings of MediX-R1's GRPO run"),
        new(
            Name: "dapo",
            Advantage: "grpo",
            Loss: "clipped",
            Clip: new ClipRange(0.2, 0.28),
            Options: new PolicyLossOptions(),
            Filter: new GroupFilterOptions(MaximumTries: 20),
            Overlong: null,
            Source: "Yu et al. 2025, arXiv 2503.14476; settings of MediX-R1's DAPO runs, with groups filtered by spread"),
        new(
            Name: "gspo",
            Advantage: "grpo",
            Loss: "gspo",
            Clip: new ClipRange(3e-4, 4e-4),
            Options: new PolicyLossOptions(LossAggregation.Sequence),
            Filter: new GroupFilterOptions(),
            Overlong: null,
            Source: "Zheng et al. 2025, arXiv 2507.18071; settings of MediX-R1's GSPO run"),
    ];

    /// <summary>The method of that name.</summary>
    /// <exception cref="MedixException">There is none; the message lists the known ones.</exception>
    public static Algorithm Named(string name) => All.FirstOrDefault(a => string.Equals(a.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new MedixException($"There is no algorithm '{name}'. Known ones: {string.Join(", ", All.Select(a => a.Name))}. " +
            "Name one of them under 'algorithm' in the recipe, and override single settings there.");
}
