using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Evaluation;
using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Inference.Packed;
using Medix.Judging;
using Medix.Rewards;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Quantising;

/// <summary>Lets two models answer the same questions about phantoms, greedily, and scores both with the training reward (rule judge, lexical embedder).</summary>
internal sealed class AnswerComparison
{
    private const ulong Seed = 7;
    private const int QuestionsAtOnce = 8;
    private const int EmbedderTexts = 400;

    private readonly Sample[] samples;
    private readonly CompositeReward reward;
    private readonly string template;
    private readonly int maxTokens;

    /// <summary>The first questions of a held-out sequence of phantoms, wrapped in a prompt template.</summary>
    /// <exception cref="MedixException">There is no such template.</exception>
    public AnswerComparison(int questions, string template, int maxTokens)
    {
        (this.template, this.maxTokens) = (template, maxTokens);
        PromptTemplate wrapping = PromptTemplate.Load(template);
        PhantomSource source = new(Seed, questions, PhantomSplit.HeldOut);
        samples = [.. source.Rows().Select(row => RowToSample.Map(row, wrapping, check: null, new SkipLog())!)];
        IEnumerable<string> references = new PhantomSource(Seed, EmbedderTexts).Texts().Select(text => text.Answer);
        reward = CompositeReward.Create(new RewardOptions(), Judge.ByRules(), LexicalEmbedder.Fit(references));
    }

    /// <summary>One model's responses, in the questions' order.</summary>
    public IReadOnlyList<string> Answer(LoadedModel model, Action<int>? answered, CancellationToken cancellationToken)
    {
        BatchedGenerator generator = new(model.Model);
        List<string> responses = [];
        foreach (Sample[] batch in samples.Chunk(QuestionsAtOnce))
        {
            GenerationRequest[] requests = [.. batch.Select(sample => new GenerationRequest(Prompt(model, sample), [0]))];
            IReadOnlyList<IReadOnlyList<Completion>> drawn = generator.Generate(requests, new SamplingOptions(maxTokens, 0f), null, cancellationToken);
            responses.AddRange(drawn.Select(draws => model.RequireTokenizer().Decode(draws[0].Tokens, skipSpecial: true)));
            answered?.Invoke(responses.Count);
        }

        return responses;
    }

    /// <summary>Both models' responses scored.</summary>
    public async Task<AnswerQuality> CompareAsync(IReadOnlyList<string> before, IReadOnlyList<string> after, CancellationToken cancellationToken)
    {
        RewardReport[] first = [.. await ScoreAsync(before, cancellationToken).ConfigureAwait(false)];
        RewardReport[] second = [.. await ScoreAsync(after, cancellationToken).ConfigureAwait(false)];
        int same = before.Zip(after).Count(pair => pair.First == pair.Second);
        return new AnswerQuality(
            samples.Length, template, Intervals.Proportion(same, samples.Length), Paired(first, second, report => report.Total), Paired(first, second, Verdict));
    }

    private static double? Verdict(RewardReport report) =>
        report.Terms.FirstOrDefault(term => term.Term == RewardTerms.Judge && term.Status == TermStatus.Scored)?.Value;

    private static ModelInput Prompt(LoadedModel model, Sample sample) =>
        model.RequirePrompts().Build(sample.Messages, [.. sample.Images.Select(image => ImageDecoding.Decode(image.Bytes, image.Name, new ImageLimits()))]);

    private Task<IReadOnlyList<RewardReport>> ScoreAsync(IReadOnlyList<string> responses, CancellationToken cancellationToken) =>
        reward.ScoreAsync([.. samples.Select((sample, i) => new RewardInput(sample, responses[i]))], cancellationToken);

    private PairedComparison? Paired(RewardReport[] before, RewardReport[] after, Func<RewardReport, double?> value)
    {
        PairedScore[] scores = [.. samples.Select((sample, i) => new PairedScore(sample.SplitKey, value(before[i]), value(after[i])))];
        return scores.Any(score => score.Before is not null && score.After is not null) ? PairedComparison.Compute(scores, Seed) : null;
    }
}
