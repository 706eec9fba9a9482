using System.Text.Json;
using Medix.Data;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Inference.Quantising;

/// <summary>
/// What to make of a model's folder. <paramref name="Calibration"/> is <see cref="CalibrationSet.BuiltIn"/>, <see cref="NoCalibration"/> or a text file;
/// <paramref name="Questions"/> how many phantoms both models answer, 0 for none; <paramref name="Template"/> wraps them (<see cref="PromptTemplate"/>).
/// </summary>
public sealed record QuantiseJobOptions(
    QuantiseOptions Quantise, string Calibration = CalibrationSet.BuiltIn, int Questions = 24, int MaxTokens = 160, string Template = "bare")
{
    /// <summary>Packs without loading the model: for models that do not fit into memory.</summary>
    public const string NoCalibration = "none";

    /// <summary>Most questions: far beyond what tells two models apart.</summary>
    public const int MostQuestions = 10_000;

    /// <summary>Throws where an option is wrong whatever the model is, so that this is known before one is read.</summary>
    /// <exception cref="MedixException">The message names the option, or the file that cannot be read.</exception>
    public void Require()
    {
        Quantise.Require();
        if (Questions is < 0 or > MostQuestions)
        {
            throw new MedixException($"The number of questions is {Questions}, expected 0 (none) to {MostQuestions}.");
        }

        if (MaxTokens < 1)
        {
            throw new MedixException($"The longest answer is {MaxTokens} tokens, expected at least 1.");
        }

        PromptTemplate.Load(Template);
        if (Calibration is not (CalibrationSet.BuiltIn or NoCalibration))
        {
            CalibrationSet.ReadText(Calibration);
        }
    }
}

/// <summary>Makes a packed model's folder: <c>model.medix</c>, the tokenizer, licences and other small files of the original, a model card, and <c>quality.json</c>.</summary>
public sealed class QuantiseJob(QuantiseJobOptions options, WorkerPool pool, Action<QuantiseProgress>? progress = null)
{
    /// <summary>The report's name in the folder.</summary>
    public const string ReportFile = "quality.json";

    /// <summary>Single precision is kept for references up to this size; larger ones are rounded to bfloat16.</summary>
    private const long MostSinglePrecision = 2L << 30;

    /// <summary>
    /// Makes the folder, which must not hold anything yet. It appears under its name when it is whole; cancelled or failed work leaves nothing.
    /// </summary>
    /// <exception cref="MedixException">The model cannot be used, the folder is in the way, or it cannot be written.</exception>
    public async Task<QualityReport> RunAsync(string model, string folder, CancellationToken cancellationToken = default)
    {
        options.Require();
        using Checkpoint checkpoint = Checkpoint.Open(model);
        QualityReport? report = null;
        await NewFolder.WriteAsync(folder, async partial => report = await FillAsync(checkpoint, partial, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return report!;
    }

    private async Task<QualityReport> FillAsync(Checkpoint checkpoint, string folder, CancellationToken cancellationToken)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(checkpoint.Folder)));
        ModelSideFiles.Copy(checkpoint.Folder, folder);
        PackedModelCard.Write(folder, checkpoint.Folder, options.Quantise.To.ToString().ToLowerInvariant(), ReportFile);
        ModelQuantiser quantiser = new(WeightSource.Of(checkpoint), options.Quantise, pool, progress);
        string file = Path.Combine(folder, PackedFile.FileName);
        QualityReport report;
        if (options.Calibration == QuantiseJobOptions.NoCalibration)
        {
            QuantisedModel made = quantiser.Write(file, name, cancellationToken);
            report = Describe(name, checkpoint, file, made, null, null, ["predictions and answers: nothing was computed with the original (--calibration none)"]);
        }
        else
        {
            report = await CompareAsync(checkpoint, quantiser, name, folder, cancellationToken).ConfigureAwait(false);
        }

        AtomicFile.WriteAllText(Path.Combine(folder, ReportFile), JsonSerializer.Serialize(report, EventLog.Indented) + "\n");
        return report;
    }

    private async Task<QualityReport> CompareAsync(Checkpoint checkpoint, ModelQuantiser quantiser, string name, string folder, CancellationToken cancellationToken)
    {
        Report("loading the original", 0, 1);
        using LoadedModel original = ModelFolder.Open(checkpoint.Folder, ReferenceStorage(checkpoint), pool);
        if (original.Tokenizer is null)
        {
            throw new MedixException($"{checkpoint.Folder}: there is no tokenizer, so that no text can be shown to the model. Copy its tokenizer files there, or say "
                + $"--calibration none.");
        }

        CalibrationSet set = CalibrationSet.Load(options.Calibration, original);
        string? reason = options.Questions == 0 ? "answers: --questions is 0"
            : checkpoint.Config.Vision is null ? "answers: the model has no vision tower, and the questions are about pictures" : null;
        AnswerComparison? answers = reason is null ? new AnswerComparison(options.Questions, options.Template, options.MaxTokens) : null;
        // First what can fail for the sake of an option, such as answers longer than the model's context; packing takes hours for a large model.
        IReadOnlyList<string>? before = answers?.Answer(original, done => Report("answers of the original", done, options.Questions), cancellationToken);
        QuantisedModel made = quantiser.Write(Path.Combine(folder, PackedFile.FileName), name, original.Model, set, cancellationToken);
        AnswerQuality? quality = before is null ? null : await AnswerAsync(answers!, before, folder, cancellationToken).ConfigureAwait(false);
        CalibrationSummary summary = new(
            set.Name, CalibrationSet.Tokens(set.Learn), CalibrationSet.Tokens(set.Measure), set.Learn.Concat(set.Measure).Sum(input => input.Grids.Count));
        return Describe(name, checkpoint, Path.Combine(folder, PackedFile.FileName), made, summary, quality, reason is null ? [] : [reason]);
    }

    private async Task<AnswerQuality> AnswerAsync(AnswerComparison answers, IReadOnlyList<string> before, string folder, CancellationToken cancellationToken)
    {
        using LoadedModel packed = ModelFolder.Open(folder, null, pool);
        IReadOnlyList<string> after = answers.Answer(packed, done => Report("answers of the packed model", done, options.Questions), cancellationToken);
        return await answers.CompareAsync(before, after, cancellationToken).ConfigureAwait(false);
    }

    private QualityReport Describe(
        string name, Checkpoint checkpoint, string file, QuantisedModel made, CalibrationSummary? calibration, AnswerQuality? answers, IReadOnlyList<string> skipped)
    {
        long parameters = ModelTensors.Of(checkpoint.Config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        long bytes = new FileInfo(file).Length;
        return new QualityReport(
            name, options.Quantise.To, parameters, bytes, 8.0 * bytes / parameters, made.Plan, calibration, options.Quantise.MostDivergence,
            made.Text, answers, made.Groups, made.Tensors, skipped);
    }

    private static WeightStorage ReferenceStorage(Checkpoint checkpoint)
    {
        TensorInfo[] tensors = [.. ModelTensors.Of(checkpoint.Config).Select(tensor => checkpoint.Info(tensor.Name))];
        return tensors.All(tensor => tensor.DType == "BF16") || tensors.Sum(tensor => tensor.Count) * sizeof(float) > MostSinglePrecision
            ? WeightStorage.Bf16
            : WeightStorage.Fp32;
    }

    private void Report(string work, long done, long total) => progress?.Invoke(new QuantiseProgress(work, done, total));
}
