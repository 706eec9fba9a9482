using System.Text.Json.Serialization;
using Medix.Data;

namespace Medix.Rewards;

/// <summary>What became of one reward term for one response.</summary>
public enum TermStatus
{
    /// <summary>The term has a value.</summary>
    Scored,

    /// <summary>The term says nothing about this sample (a modality term where the modality is not known): its weight goes to the other terms.</summary>
    NotApplicable,

    /// <summary>The term should have had a value and has none (a judge that did not answer): the rollout leaves its group, it is not a zero.</summary>
    Unscored,
}

/// <summary>
/// One term's outcome: <paramref name="Value"/> in [0, 1] when scored, otherwise NaN (<c>"NaN"</c> in JSON); <paramref name="Note"/> says by what or why not.
/// </summary>
public sealed record TermResult(
    string Term, TermStatus Status, [property: JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)] double Value, string Note)
{
    /// <summary>A value.</summary>
    public static TermResult Scored(string term, double value, string note = "") => new(term, TermStatus.Scored, value, note);

    /// <summary>Nothing to say, with the reason.</summary>
    public static TermResult NotApplicable(string term, string reason) => new(term, TermStatus.NotApplicable, double.NaN, reason);

    /// <summary>No value, with the reason.</summary>
    public static TermResult Unscored(string term, string reason) => new(term, TermStatus.Unscored, double.NaN, reason);
}

/// <summary>All terms of one response and their weighted total; <paramref name="Total"/> is null when any term with weight is unscored.</summary>
public sealed record RewardReport(double? Total, IReadOnlyList<TermResult> Terms);

/// <summary>One response to be scored against its sample.</summary>
public sealed record RewardInput(Sample Sample, string Response);

/// <summary>One term of the composite reward. Scores a whole batch at once so that judges and embedders can batch and deduplicate.</summary>
public interface IReward
{
    /// <summary>The term's name in recipes, logs and reports: <c>format</c>, <c>modality</c>, <c>embedding</c>, <c>judge</c>.</summary>
    string Name { get; }

    /// <summary>One result per input, in order. Failures are <see cref="TermStatus.Unscored"/>, never exceptions and never zeros.</summary>
    Task<IReadOnlyList<TermResult>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken);
}
