using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Weights;

namespace Medix.Evaluation.Cards;

/// <summary>The model a run started from.</summary>
/// <param name="Id">Hub id, or the last part of its path.</param>
/// <param name="Sha256">Of its weights: of every byte, whether in one file or in shards (<see cref="WeightsIdentity"/>).</param>
/// <param name="Parameters">Number of parameters.</param>
/// <param name="Files">Of weights in shards the index and each shard; null for one file.</param>
public sealed record ManifestBase(string Id, string Sha256, long Parameters, IReadOnlyList<WeightsFile>? Files = null);

/// <summary>The data a run learned from.</summary>
/// <param name="Source">Kind and path, as the report has them.</param>
/// <param name="Sha256">Of the samples.</param>
/// <param name="TrainingSamples">Samples learned from.</param>
/// <param name="HeldOutSamples">Samples kept for measuring; they share no picture with the others.</param>
/// <param name="LeftOut">Rows not used, by reason.</param>
public sealed record ManifestData(string Source, string Sha256, int TrainingSamples, int HeldOutSamples, IReadOnlyDictionary<string, int> LeftOut);

/// <summary>The licence of a part: what was found, where, and in which words.</summary>
public sealed record ManifestLicense(string Kind, string Name, string License, string ReadFrom, string Stated);

/// <summary>Licences of the parts and what they mean for this model; <paramref name="Derivative"/> is null where it cannot be told.</summary>
public sealed record ManifestLicenses(IReadOnlyList<ManifestLicense> Parts, string? Derivative, bool Conflict, IReadOnlyList<string> Warnings);

/// <summary>What was measured on held-out samples, and how.</summary>
/// <param name="Method">How, in words.</param>
/// <param name="Draws">Sampled answers per sample.</param>
/// <param name="Temperature">Of sampled answers; greedy ones have 0.</param>
/// <param name="Reward">Composite reward of sampled answers.</param>
/// <param name="Greedy">Composite reward of greedy answers.</param>
/// <param name="Terms">Each term of the reward, sampled answers.</param>
/// <param name="Modalities">Composite reward by modality, sampled answers.</param>
/// <param name="ModalityRecognition">Share of sampled answers with the right modality tag.</param>
/// <param name="Unscored">Answers left out because they could not be scored, by reason.</param>
public sealed record ManifestEvaluation(
    string Method,
    int Draws,
    double Temperature,
    Comparison Reward,
    Comparison Greedy,
    IReadOnlyList<Comparison> Terms,
    IReadOnlyList<Comparison> Modalities,
    Comparison ModalityRecognition,
    IReadOnlyDictionary<string, int> Unscored);

/// <summary>One file of the model's folder; names have forward slashes.</summary>
public sealed record ManifestFile(string Name, long Bytes, string Sha256);

/// <summary>How a file differs from what the manifest says of it.</summary>
public enum FileFault
{
    /// <summary>It is not there.</summary>
    Missing,

    /// <summary>Its bytes are others.</summary>
    Changed,

    /// <summary>It is there and the manifest does not name it.</summary>
    Unlisted,
}

/// <summary>One file that is not as the manifest says.</summary>
public sealed record ManifestFault(string Name, FileFault Fault);

/// <summary>
/// What a saved model is and what it was made of, written as <c>medix-manifest.json</c> into its folder: base, data, recipe, licences, held-out numbers,
/// and the SHA-256 of every other file.
/// </summary>
public sealed record ModelManifest
{
    /// <summary>The file's name in a model's folder.</summary>
    public const string FileName = "medix-manifest.json";

    /// <summary>The form that this version of Medix writes and reads.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Version of this file's form.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>Version of Medix that made the model.</summary>
    public required string MedixVersion { get; init; }

    /// <summary>When the run began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>Seconds the run took, resumed parts included.</summary>
    public required double Seconds { get; init; }

    /// <summary>Largest resident size of the process.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>The model it started from.</summary>
    public required ManifestBase Base { get; init; }

    /// <summary>Whether the folder holds an adapter beside the base rather than a whole model.</summary>
    public required bool Adapter { get; init; }

    /// <summary>What it learned from.</summary>
    public required ManifestData Data { get; init; }

    /// <summary>Algorithm by name.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Who judged.</summary>
    public required string Judge { get; init; }

    /// <summary>Who embedded.</summary>
    public required string Embedder { get; init; }

    /// <summary>Seed of every draw.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The recipe with all defaults filled in; without credentials and local folders.</summary>
    public required TrainRecipe Recipe { get; init; }

    /// <summary>Licences.</summary>
    public required ManifestLicenses Licenses { get; init; }

    /// <summary>Held-out numbers.</summary>
    public required ManifestEvaluation Evaluation { get; init; }

    /// <summary>What the model is for.</summary>
    public required string IntendedUse { get; init; }

    /// <summary>What it cannot do or was not tested for.</summary>
    public required string Limitations { get; init; }

    /// <summary>Never true: Medix makes research models only.</summary>
    public bool ForClinicalUse { get; init; }

    /// <summary>Every file of the folder but this one, by name.</summary>
    public required IReadOnlyList<ManifestFile> Files { get; init; }

    /// <summary>Reads a folder's manifest.</summary>
    /// <exception cref="MedixException">It is not there, or a field of it is missing or wrong: file and field are named.</exception>
    public static ModelManifest Read(string folder) => ManifestFileReader.Read(Path.Combine(folder, FileName), folder);

    /// <summary>
    /// Compares every file of the folder with the manifest; empty where all are as they were saved. What a download from the Hub or a version control leaves there
    /// (<c>.gitattributes</c>, <c>.gitignore</c>, <c>.git</c>, <c>.cache</c>) is no part of the model.
    /// </summary>
    /// <exception cref="MedixException">The manifest is not there, is no manifest, or names a file outside the folder.</exception>
    public static IReadOnlyList<ManifestFault> Verify(string folder) => ModelFolder.Compare(folder, Read(folder).Files);

    /// <summary>All files below the folder but the manifest, in order, with their hashes.</summary>
    public static IReadOnlyList<ManifestFile> FilesOf(string folder) => ModelFolder.FilesOf(folder);
}
