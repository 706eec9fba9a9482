using Medix.Text;

namespace Medix.Rewards;

/// <summary>1 when the response is <see cref="ParsedResponse.WellFormed"/>, else 0.</summary>
public sealed class FormatReward : IReward
{
    /// <inheritdoc/>
    public string Name => RewardTerms.Format;

    /// <inheritdoc/>
    public Task<IReadOnlyList<TermResult>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken)
    {
        IReadOnlyList<TermResult> results = [.. inputs.Select(input => Score(ResponseParser.Parse(input.Response)))];
        return Task.FromResult(results);
    }

    private TermResult Score(ParsedResponse response) => response switch
    {
        { WellFormed: true } => TermResult.Scored(Name, 1),
        { Source: AnswerSource.Untagged } => TermResult.Scored(Name, 0, "no answer tags"),
        { Source: AnswerSource.Unclosed } => TermResult.Scored(Name, 0, "the answer is not closed"),
        _ => TermResult.Scored(Name, 0, "blocks missing, repeated or out of place"),
    };
}
