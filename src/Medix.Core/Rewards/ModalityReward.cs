using Medix.Text;

namespace Medix.Rewards;

/// <summary>
/// 1 when the response begins with the sample's modality tag and nothing else stands before thinking; not applicable where the modality is not known.
/// </summary>
public sealed class ModalityReward : IReward
{
    /// <inheritdoc/>
    public string Name => RewardTerms.Modality;

    /// <inheritdoc/>
    public Task<IReadOnlyList<TermResult>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken)
    {
        IReadOnlyList<TermResult> results = [.. inputs.Select(Score)];
        return Task.FromResult(results);
    }

    private TermResult Score(RewardInput input)
    {
        if (input.Sample.Modality is not string expected)
        {
            return TermResult.NotApplicable(Name, "the sample's modality is not known");
        }

        string? found = ResponseParser.Parse(input.Response).Modality;
        bool right = string.Equals(found, expected, StringComparison.OrdinalIgnoreCase);
        return TermResult.Scored(Name, right ? 1 : 0, right ? "" : found ?? "no tag");
    }
}
