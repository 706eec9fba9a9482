using System.Text.Json;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Weights.Adapters;

namespace Medix.Evaluation.Cards;

/// <summary>
/// Writes what a saved model needs to be passed on: <c>README.md</c>, a Hugging Face model card, and <c>medix-manifest.json</c> with the same facts and the
/// hash of every file. Credentials and local folders are taken out (<see cref="Redaction"/>). Nothing in them depends on anything but the report, the licences and the folder.
/// </summary>
public static class ModelCardWriter
{
    private const string Method =
        "The composite reward of training, on samples whose pictures training never saw. The same samples, seeds and reward before and after; the difference is "
        + "paired by sample. Intervals are 95 % bootstrap intervals, clustered by picture. Answers that could not be scored are left out and counted.";

    /// <summary>Writes both files into a folder that holds everything else already; each appears whole, and the manifest last.</summary>
    /// <param name="report">The run.</param>
    /// <param name="licenses">Of its weights and data.</param>
    /// <param name="folder">The saved model, or the saved adapter in PEFT's layout.</param>
    public static void Write(TrainReport report, LicenseVerdict licenses, string folder)
    {
        ModelManifest manifest = PublishedReport.RedactionOf(report).Apply(ManifestOf(report, licenses, folder));
        AtomicFile.WriteAllText(Path.Combine(folder, "README.md"), ModelCard.Write(manifest));
        AtomicFile.WriteAllText(
            Path.Combine(folder, ModelManifest.FileName), JsonSerializer.Serialize(manifest with { Files = ModelManifest.FilesOf(folder) }, EventLog.Indented) + "\n");
    }

    private static ModelManifest ManifestOf(TrainReport report, LicenseVerdict licenses, string folder) => new()
    {
        MedixVersion = typeof(ModelCardWriter).Assembly.GetName().Version!.ToString(3),
        Started = report.Started,
        Seconds = report.Seconds,
        PeakMemoryBytes = report.PeakMemoryBytes,
        Base = new ManifestBase(HubId.Of(report.Model.Path) ?? report.Model.Path, report.Model.WeightsBefore, report.Model.Parameters, report.Model.FilesBefore),
        Adapter = File.Exists(Path.Combine(folder, LoraConfigFile.Name)),
        Data = new ManifestData(report.Data.Source, report.Data.Hash, report.Data.TrainingSamples, report.Data.HeldOutSamples, report.Data.LeftOut),
        Algorithm = report.Recipe.Algorithm.Preset,
        Judge = report.JudgeName,
        Embedder = report.EmbedderName,
        Seed = report.Recipe.Seed,
        Recipe = report.Recipe,
        Licenses = new ManifestLicenses(
            [.. licenses.Parts.Select(part => new ManifestLicense(part.Kind, part.Name, part.Names, part.ReadFrom, part.Stated))],
            licenses.Derivative?.Id, licenses.Conflicts, licenses.Warnings),
        Evaluation = new ManifestEvaluation(
            Method, report.HeldOut.Draws, report.HeldOut.Temperature, report.HeldOut.Reward, report.HeldOut.Greedy, report.HeldOut.Terms,
            report.HeldOut.Modalities, report.HeldOut.ModalityRecognition, report.HeldOut.Unscored),
        IntendedUse = ModelCard.Resource("intended-use.md"),
        Limitations = ModelCard.Resource("limitations.md"),
        Files = [],
    };
}
