using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Evaluation.Reports;
using Medix.Imaging;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Text;

namespace Medix.Training;

/// <summary>The samples of a run: read, within the token budget, split by picture.</summary>
/// <param name="Train">For RL.</param>
/// <param name="Lessons">Those of <paramref name="Train"/> whose modality is known: for the warm start.</param>
/// <param name="HeldOut">For evaluation only; they share no picture with <paramref name="Train"/>.</param>
/// <param name="Reasoning">The thinking text that a warm start teaches for a sample.</param>
/// <param name="Texts">Question, reasoning and answer of training samples, up to a few thousand: what tokenizer and embedder are fitted on.</param>
/// <param name="Summary">Counts for the report.</param>
public sealed record RunData(
    IReadOnlyList<Sample> Train, IReadOnlyList<Sample> Lessons, IReadOnlyList<Sample> HeldOut, Func<Sample, string> Reasoning,
    IReadOnlyList<TrainingText> Texts, DataSummary Summary)
{
    private const int ExamplesPerReason = 5;
    private const int MaxTexts = 4000;

    /// <summary>Splits samples by picture and caps the held-out side, in an order of its own.</summary>
    public static RunData Of(SampleSet set, DataRecipe recipe, ulong seed)
    {
        SampleSplit split = SplitBy.Key(set.Samples, recipe.HeldOutFraction, seed);
        Sample[] heldOut = [.. split.HeldOut];
        Seed.Random(seed, Seed.Of("held-out order")).Shuffle<Sample>(heldOut);
        heldOut = [.. heldOut.Take(recipe.HeldOutLimit)];
        DataSummary summary = new(
            Source: $"{recipe.Kind} {recipe.Path}",
            Hash: set.Hash,
            TrainingSamples: split.Train.Count,
            HeldOutSamples: heldOut.Length,
            TrainingPictures: Pictures(split.Train),
            HeldOutPictures: Pictures(heldOut),
            TrainingByModality: ByModality(split.Train),
            HeldOutByModality: ByModality(heldOut),
            LeftOut: set.Skipped.ByReason.ToDictionary(r => r.Reason, r => r.Rows),
            LeftOutExamples: [.. set.Skipped.Rows.GroupBy(r => r.Reason).SelectMany(g => g.Take(ExamplesPerReason)).Select(r => $"{r.Row}: {r.Reason}: {r.Detail}")]);
        TrainingText[] texts = [.. split.Train.Select(s => new TrainingText(s.Modality, s.Question, Sentence(s), s.Reference))];
        return new RunData(split.Train, [.. split.Train.Where(s => s.Modality is not null)], heldOut, Sentence, texts, summary);
    }

    /// <summary>Reads a data set, checks its pictures and leaves out prompts beyond the token budget.</summary>
    public static async Task<SampleSet> ReadAsync(DataRecipe recipe, CancellationToken cancellationToken)
    {
        ImageLimits limits = LimitsOf(recipe);
        return await SampleSet.LoadAsync(
            SampleSources.Open(recipe.Kind, recipe.Path!),
            PromptTemplate.Load(recipe.Prompt),
            image => ImageDecoding.Decode(image.Bytes, image.Name, limits),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Generated phantoms: made when asked for; the held-out ones come from a sequence of their own.</summary>
    public static RunData OfPhantoms(DataRecipe recipe, ulong seed)
    {
        var options = new PhantomOptions(Modalities: recipe.Modalities.Count > 0 ? recipe.Modalities : null);
        var source = new PhantomSource(seed, recipe.PhantomCount, PhantomSplit.Train, options);
        var template = PromptTemplate.Load(recipe.Prompt);
        var train = new PhantomSamples(source, template);
        Sample[] heldOut = [.. new PhantomSamples(new PhantomSource(seed, recipe.HeldOutLimit, PhantomSplit.HeldOut, options), template)];
        DataSummary summary = new(
            Source: $"phantoms, seed {seed}",
            Hash: SampleSet.Create(heldOut, SkippedRows.None).Hash,
            TrainingSamples: train.Count,
            HeldOutSamples: heldOut.Length,
            TrainingPictures: train.Count,
            HeldOutPictures: heldOut.Length,
            TrainingByModality: new Dictionary<string, int>(),
            HeldOutByModality: ByModality(heldOut),
            LeftOut: new Dictionary<string, int>(),
            LeftOutExamples: []);
        return new RunData(train, train, heldOut, s => source.ReasoningOf(s.Id), TextsOf(seed, Math.Min(recipe.PhantomCount, MaxTexts), options), summary);
    }

    /// <summary>The decoding limits of a recipe.</summary>
    public static ImageLimits LimitsOf(DataRecipe recipe) => new(MaxPixels: recipe.MaxDecodedPixels);

    /// <summary>Tokens of a sample's prompt, image tokens included.</summary>
    public static int CountTokens(Sample sample, PromptBuilder prompts) =>
        prompts.CountTokens(sample.Messages, [.. sample.Images.Select(i => ImageDecoding.ReadSize(i.Bytes, i.Name))]);

    private static TrainingText[] TextsOf(ulong seed, int count, PhantomOptions options) =>
        [.. new PhantomSource(seed, count, PhantomSplit.Train, options).Texts().Select(t => new TrainingText(t.Modality, t.Question, t.Reasoning, t.Answer))];

    private static string Sentence(Sample sample) => $"The picture is {ModalityNouns.Of(sample.Modality)}.";

    private static int Pictures(IReadOnlyList<Sample> samples) => samples.Select(s => s.SplitKey).Distinct().Count();

    private static Dictionary<string, int> ByModality(IReadOnlyList<Sample> samples) =>
        samples.GroupBy(s => s.Modality ?? "unknown").OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count());
}

/// <summary>The words of a training sample.</summary>
public sealed record TrainingText(string? Modality, string Question, string Reasoning, string Answer);
