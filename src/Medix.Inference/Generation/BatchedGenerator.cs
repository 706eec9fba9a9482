using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Generation;

/// <summary>How far generation is: tokens drawn, completions finished, completions asked for.</summary>
public readonly record struct GenerationProgress(long Tokens, int Finished, int Total);

/// <summary>
/// Draws completions for many prompts at once. A prompt and its images are computed once for all its draws, which then attend to the same keys and values;
/// all live draws advance together, finished ones leave and waiting ones take their places. A draw's tokens and log-probabilities depend on its prompt, seed,
/// the options and the weights only: not on the other draws, the batch size or the number of threads.
/// </summary>
/// <param name="model">The model; its weights may be updated between calls.</param>
/// <param name="maxBatch">Draws that advance together at most: more take more memory and, beyond some dozens, gain little.</param>
/// <param name="vocabulary">The tokens' texts, which stop strings and constraints are about; may be left out where no options hold any.</param>
public sealed class BatchedGenerator(Qwen3VLModel model, int maxBatch = 64, TokenVocabulary? vocabulary = null)
{
    private readonly int[] banned = BannedTokens(model.Config);

    /// <summary>For tests: sees the logits that each token is drawn from, by request and number of tokens so far.</summary>
    internal LogitsSink? ObserveLogits { get; set; }

    /// <summary>
    /// One completion per seed of each request, in the order of the requests and of their seeds. Throws <see cref="MedixException"/> when an option or an input
    /// cannot be used, and <see cref="OperationCanceledException"/>, with nothing half done, when cancelled.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<Completion>> Generate(
        IReadOnlyList<GenerationRequest> requests,
        SamplingOptions options,
        IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(options);
        Check(requests, options);
        GenerationSession session = new(model, requests, options, maxBatch, banned, vocabulary, ObserveLogits);
        try
        {
            while (session.Advance())
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(session.Progress);
            }

            return session.Results;
        }
        finally
        {
            session.GiveBack();
        }
    }

    /// <summary>Image placeholders, which no draw may write.</summary>
    internal static int[] BannedTokens(Qwen3VLConfig config) => config.Vision is null
        ? []
        : [.. new[] { config.ImageTokenId, config.VideoTokenId }.Where(id => id >= 0 && id < config.Text.VocabularySize)];

    private void Check(IReadOnlyList<GenerationRequest> requests, SamplingOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBatch, 1);
        SamplingRules.Require(options, model.Config, Longest(requests.Where(request => request.Options is null)), vocabulary);
        foreach (IGrouping<SamplingOptions, GenerationRequest> group in requests.Where(r => r.Options is not null).GroupBy(r => r.Options!))
        {
            SamplingRules.Require(group.Key, model.Config, Longest(group), vocabulary);
        }
    }

    private static int Longest(IEnumerable<GenerationRequest> requests) => requests.Select(request => request.Input.Tokens.Length).DefaultIfEmpty().Max();
}
