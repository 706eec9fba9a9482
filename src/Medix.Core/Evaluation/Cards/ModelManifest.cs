using System.Security.Cryptography;
using System.Text.Json;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;

namespace Medix.Evaluation.Cards;

/// <summary>The model a run started from.</summary>
/// <param name="Id">Hub id, or the path as the recipe has it.</param>
/// <param name="Sha256">Of its weights file (of the index, where there are shards).</param>
/// <param name="Parameters">Number of parameters.</param>
public sealed record ManifestBase(string Id, string Sha256, long Parameters);

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

    /// <summary>Version of this file's form.</summary>
    public int Format { get; init; } = 1;

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

    /// <summary>The recipe with all defaults filled in.</summary>
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
    /// <exception cref="MedixException">It is not there or not a manifest.</exception>
    public static ModelManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new MedixException($"{folder} has no {FileName}: only models that `medix train` saved have one. Give the folder of such a model.");
        }

        try
        {
            return JsonSerializer.Deserialize<ModelManifest>(File.ReadAllBytes(path), EventLog.Indented)
                ?? throw new MedixException($"{path} is empty: expected a manifest as `medix train` writes it. Copy the model again.");
        }
        catch (JsonException e)
        {
            throw new MedixException($"{path} is not a manifest as `medix train` writes it: {e.Message} Copy the model again.", e);
        }
    }

    /// <summary>Compares every file of the folder with the manifest; empty where all are as they were saved.</summary>
    /// <exception cref="MedixException">The manifest is not there, is no manifest, or names a file outside the folder.</exception>
    public static IReadOnlyList<ManifestFault> Verify(string folder)
    {
        ModelManifest manifest = Read(folder);
        string root = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        var faults = new List<ManifestFault>();
        foreach (ManifestFile file in manifest.Files)
        {
            string path = Path.GetFullPath(Path.Combine(folder, file.Name));
            if (!path.StartsWith(root, StringComparison.Ordinal))
            {
                throw new MedixException($"{Path.Combine(folder, FileName)} names the file {file.Name}, expected one inside the folder. Do not trust this model.");
            }

            if (!File.Exists(path))
            {
                faults.Add(new ManifestFault(file.Name, FileFault.Missing));
            }
            else if (new FileInfo(path).Length != file.Bytes || HashOf(path) != file.Sha256)
            {
                faults.Add(new ManifestFault(file.Name, FileFault.Changed));
            }
        }

        var listed = manifest.Files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        return [.. faults, .. NamesIn(folder).Where(name => !listed.Contains(name)).Select(name => new ManifestFault(name, FileFault.Unlisted))];
    }

    /// <summary>All files below the folder but the manifest, in order, with their hashes.</summary>
    public static IReadOnlyList<ManifestFile> FilesOf(string folder) =>
        [.. NamesIn(folder).Select(name => FileOf(folder, name))];

    private static ManifestFile FileOf(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return new ManifestFile(name, new FileInfo(path).Length, HashOf(path));
    }

    private static IEnumerable<string> NamesIn(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
        .Where(name => name != FileName).Order(StringComparer.Ordinal);

    private static string HashOf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
