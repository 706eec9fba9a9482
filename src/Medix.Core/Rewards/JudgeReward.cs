using Medix.Judging;
using Medix.Text;

namespace Medix.Rewards;

/// <summary>1 when the judge finds the graded text equivalent to the reference, else 0; unscored where the judge gave no verdict.</summary>
public sealed class JudgeReward(Judge judge) : IReward
{
    /// <inheritdoc/>
    public string Name => RewardTerms.Judge;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TermResult>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken)
    {
        JudgeCase[] cases = [.. inputs.Select(ToCase)];
        IReadOnlyList<Verdict> verdicts = await judge.JudgeAsync(cases, cancellationToken).ConfigureAwait(false);
        return [.. verdicts.Select(ToResult)];
    }

    private static JudgeCase ToCase(RewardInput input) =>
        new(input.Sample.Question, input.Sample.Reference, ResponseParser.Parse(input.Response).Answer);

    private TermResult ToResult(Verdict verdict)
    {
        string note = verdict.Reason.Length == 0 ? verdict.Judge : $"{verdict.Judge}: {verdict.Reason}";
        return verdict.Equivalent is bool equivalent ? TermResult.Scored(Name, equivalent ? 1 : 0, note) : TermResult.Unscored(Name, note);
    }
}
