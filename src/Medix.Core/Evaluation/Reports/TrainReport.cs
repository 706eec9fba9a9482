using Medix.Data;
using Medix.Rewards;
using Medix.Runs.Recipes;
using Medix.Weights;

namespace Medix.Evaluation.Reports;

/// <summary>Everything a training run's report shows; also written as <c>report.json</c>.</summary>
/// <param name="Run">Run folder.</param>
/// <param name="Recipe">The recipe with all defaults filled in.</param>
/// <param name="Started">When the run (or its first part, when resumed) began.</param>
/// <param name="Seconds">Wall time of the run, resumed parts included.</param>
/// <param name="PeakMemoryBytes">Largest resident size of the process.</param>
/// <param name="Data">What was read, split and left out.</param>
/// <param name="Steps">One event per RL step.</param>
/// <param name="WarmStart">Loss of the supervised steps, empty when there were none.</param>
/// <param name="HeldOut">Before and after on held-out samples.</param>
/// <param name="Transcripts">Samples with their picture and both answers.</param>
/// <param name="PhaseSeconds">Wall time by phase over the whole run.</param>
/// <param name="Model">Identity of the model: path, parameters, weight hashes.</param>
/// <param name="JudgeName">Who judged: "rule judge" or the endpoint's model.</param>
/// <param name="EmbedderName">Who embedded: "lexical embedder" or the endpoint's model.</param>
public sealed record TrainReport(
    string Run,
    TrainRecipe Recipe,
    DateTimeOffset Started,
    double Seconds,
    long PeakMemoryBytes,
    DataSummary Data,
    IReadOnlyList<StepEvent> Steps,
    IReadOnlyList<WarmStartEvent> WarmStart,
    HeldOutReport HeldOut,
    IReadOnlyList<Transcript> Transcripts,
    IReadOnlyDictionary<string, double> PhaseSeconds,
    ModelIdentity Model,
    string JudgeName,
    string EmbedderName)
{
    /// <summary>The sentence shown wherever a person reads an answer.</summary>
    public const string Disclaimer = "Medix is a research tool. Its answers are not medical advice and must not be used for the care of patients.";
}

/// <summary>Counts of the data: samples used for training and held out, pictures on each side, samples by modality, rows left out by reason.</summary>
public sealed record DataSummary(
    string Source,
    string Hash,
    int TrainingSamples,
    int HeldOutSamples,
    int TrainingPictures,
    int HeldOutPictures,
    IReadOnlyDictionary<string, int> TrainingByModality,
    IReadOnlyDictionary<string, int> HeldOutByModality,
    IReadOnlyDictionary<string, int> LeftOut,
    IReadOnlyList<string> LeftOutExamples);

/// <summary>The model trained: where it came from, its size, and SHA-256 of its weights before and after; of weights in shards also each file before.</summary>
public sealed record ModelIdentity(string Path, long Parameters, string WeightsBefore, string WeightsAfter, IReadOnlyList<WeightsFile>? FilesBefore = null);

/// <summary>One supervised step: mean negative log-likelihood per response token, in nats.</summary>
public sealed record WarmStartEvent(int Step, double Loss, double LearningRate, double GradNorm);

/// <summary>One RL step, as written to <c>events.jsonl</c>. Names follow TRL's where it has them.</summary>
/// <param name="Step">1-based.</param>
/// <param name="Reward">Mean composite reward over all scored rollouts of the step, filtered groups included.</param>
/// <param name="RewardStd">Their standard deviation.</param>
/// <param name="Terms">Mean of each reward term where it was scored.</param>
/// <param name="Prompts">Prompts drawn.</param>
/// <param name="Rollouts">Responses drawn.</param>
/// <param name="Unscored">Responses that could not be scored, by reason.</param>
/// <param name="GroupsKept">Groups that moved the policy.</param>
/// <param name="GroupsFiltered">Groups left out, by reason.</param>
/// <param name="MeanLength">Mean response length in tokens.</param>
/// <param name="ClippedRatio">Share of responses cut at the token limit.</param>
/// <param name="Loss">Policy loss of the last update.</param>
/// <param name="Entropy">Mean entropy of the trained tokens' distributions, in nats.</param>
/// <param name="ApproxKl">Mean of old minus new log-probability over the trained tokens.</param>
/// <param name="ClipRatioLow">Share of tokens clipped below.</param>
/// <param name="ClipRatioHigh">Share of tokens clipped above.</param>
/// <param name="GradNorm">Global gradient norm before clipping.</param>
/// <param name="LearningRate">Rate of this step.</param>
/// <param name="LogprobDifferenceMean">Mean absolute difference between the trainer's and the rollout engine's log-probabilities.</param>
/// <param name="LogprobDifferenceMax">Largest one.</param>
/// <param name="Tokens">Response tokens drawn.</param>
/// <param name="TokensPerSecond">Of the rollout phase.</param>
/// <param name="Seconds">Wall time of the step.</param>
/// <param name="PhaseSeconds">Wall time by phase: data, rollout, reward, update, sync.</param>
public sealed record StepEvent(
    int Step,
    double Reward,
    double RewardStd,
    IReadOnlyDictionary<string, double> Terms,
    int Prompts,
    int Rollouts,
    IReadOnlyDictionary<string, int> Unscored,
    int GroupsKept,
    IReadOnlyDictionary<string, int> GroupsFiltered,
    double MeanLength,
    double ClippedRatio,
    double Loss,
    double Entropy,
    double ApproxKl,
    double ClipRatioLow,
    double ClipRatioHigh,
    double GradNorm,
    double LearningRate,
    double LogprobDifferenceMean,
    double LogprobDifferenceMax,
    long Tokens,
    double TokensPerSecond,
    double Seconds,
    IReadOnlyDictionary<string, double> PhaseSeconds);

/// <summary>
/// One measure before and after, on the same held-out samples. The difference is paired by sample and clustered by picture;
/// <paramref name="LeftOut"/> samples were not scored on both sides. With a count of 0 all numbers are NaN.
/// </summary>
public sealed record Comparison(string Name, Estimate Before, Estimate After, Estimate Difference, double PValue, int LeftOut);

/// <summary>Before and after: sampled as in training, and greedy beside it.</summary>
/// <param name="Reward">Composite reward of sampled responses.</param>
/// <param name="Greedy">Composite reward of greedy responses.</param>
/// <param name="Terms">Each reward term of sampled responses.</param>
/// <param name="Modalities">Composite reward by modality ("unknown" where the tag is not known).</param>
/// <param name="ModalityRecognition">Share of sampled responses with the right modality tag, over samples whose tag is known.</param>
/// <param name="Unscored">Responses left out because they could not be scored, by reason, before and after together.</param>
/// <param name="Draws">Responses per sample.</param>
/// <param name="Temperature">Their temperature.</param>
public sealed record HeldOutReport(
    Comparison Reward,
    Comparison Greedy,
    IReadOnlyList<Comparison> Terms,
    IReadOnlyList<Comparison> Modalities,
    Comparison ModalityRecognition,
    IReadOnlyDictionary<string, int> Unscored,
    int Draws,
    double Temperature);

/// <summary>A held-out sample with its pictures, the reference, and both answers (greedy) with their rewards.</summary>
public sealed record Transcript(
    string SampleId,
    IReadOnlyList<ImageSource> Images,
    string Question,
    string Reference,
    string? Modality,
    string Before,
    RewardReport BeforeReward,
    string After,
    RewardReport AfterReward);
