using Medix.Imaging;
using Medix.Runs;
using Medix.Text;
using Medix.Training.Modules;
using Medix.Weights;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// A training batch laid out as one matrix of tokens: for each group the prompt, then its responses without their last tokens, from which nothing is
/// predicted. <paramref name="PredictingRows"/> [response tokens] is the row whose output predicts each response token.
/// </summary>
internal sealed record PackedBatch(
    int[] Tokens, int[] Time, int[] Row, int[] Column, AttentionLayout Layout, int[] ImageRows, IReadOnlyList<ImageGrid> Grids,
    int[] PredictingRows, int[] Targets, int[] Offsets)
{
    public static PackedBatch Of(TrainingBatch batch, Qwen3VLConfig config)
    {
        Builder builder = new(config);
        foreach (TrainingGroup group in batch.Groups)
        {
            builder.Add(group);
        }

        return builder.Build();
    }

    private sealed class Builder(Qwen3VLConfig config)
    {
        private readonly List<int> tokens = [], time = [], row = [], column = [], imageRows = [], predicting = [], targets = [], offsets = [0];
        private readonly List<AttentionGroup> groups = [];
        private readonly List<ImageGrid> grids = [];

        public void Add(TrainingGroup group)
        {
            int[] prompt = group.Prompt.Tokens;
            Check(group);
            RopeIndex positions = RopePositions.Compute(prompt, group.Prompt.Grids, config);
            TokenSpan shared = new(tokens.Count, prompt.Length);
            for (int i = 0; i < prompt.Length; i++)
            {
                if (config.Vision is not null && (prompt[i] == config.ImageTokenId || prompt[i] == config.VideoTokenId))
                {
                    imageRows.Add(shared.Start + i);
                }
            }

            tokens.AddRange(prompt);
            time.AddRange(positions.T);
            row.AddRange(positions.H);
            column.AddRange(positions.W);
            grids.AddRange(group.Prompt.Grids);
            groups.Add(new(shared, [.. group.Responses.Select(response => AddResponse(response, shared, positions.Delta))]));
        }

        public PackedBatch Build() => new(
            [.. tokens], [.. time], [.. row], [.. column], new(groups, Causal: true), [.. imageRows], grids, [.. predicting], [.. targets], [.. offsets]);

        private TokenSpan AddResponse(int[] response, TokenSpan shared, int delta)
        {
            TokenSpan branch = new(tokens.Count, response.Length - 1);
            tokens.AddRange(response.AsSpan(0, branch.Length));
            for (int i = 0; i < branch.Length; i++)
            {
                int position = shared.Length + i + delta;
                time.Add(position);
                row.Add(position);
                column.Add(position);
            }

            for (int i = 0; i < response.Length; i++)
            {
                predicting.Add(i == 0 ? shared.End - 1 : branch.Start + i - 1);
            }

            targets.AddRange(response);
            offsets.Add(targets.Count);
            return branch;
        }

        private void Check(TrainingGroup group)
        {
            int vocabulary = config.Text.VocabularySize;
            if (group.Prompt.Tokens.Length == 0 || group.Responses.Count == 0 || group.Responses.Any(response => response.Length == 0))
            {
                throw new ArgumentException("A training group needs a prompt and responses of at least one token each.", nameof(group));
            }

            if (group.Responses.Append(group.Prompt.Tokens).FirstOrDefault(ids => ids.Any(id => id < 0 || id >= vocabulary)) is { } wrong)
            {
                throw new MedixException(
                    $"Token id {wrong.First(id => id < 0 || id >= vocabulary)} is outside the model's vocabulary of {vocabulary}. " +
                    "Use the tokenizer that belongs to the model.");
            }
        }
    }
}
