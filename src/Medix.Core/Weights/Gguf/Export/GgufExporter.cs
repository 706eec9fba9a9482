using Medix.Runs;
using Medix.Weights.Creation;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// A file that was written: how many of its tensors have which format, by ggml's names, the sizes of it all, and what could not have the format that the kind of file
/// calls for.
/// </summary>
public sealed record ExportedFile(
    string Path, IReadOnlyList<KeyValuePair<string, int>> Formats, long Parameters, long Bytes, IReadOnlyList<FormatFallback> Fallbacks);

/// <summary>
/// Tensors whose rows are no multiples of <paramref name="Block"/> values, the block of <paramref name="Wanted"/>, so that they were written as
/// <paramref name="Written"/>, as llama.cpp's own tools do.
/// </summary>
public sealed record FormatFallback(string Wanted, int Block, string Written, int Tensors);

/// <summary>
/// Writes a checkpoint as GGUF files that llama.cpp opens: the language model, and its vision tower as an mmproj file. Names, order, metadata and bytes are those of
/// llama.cpp's own tools: <c>convert_hf_to_gguf.py</c>, and for the mixed kinds <c>llama-quantize</c> on what it makes. Weights go through memory a slice, or an
/// expert, at a time.
/// </summary>
public static class GgufExporter
{
    private const string Suffix = ".gguf";

    /// <summary>
    /// Writes the files, each of which appears under its name when it is whole. The vision tower goes first, for it is the smaller; where the other fails, it is taken away.
    /// </summary>
    /// <param name="model">The model; both layouts of experts are told apart by their shapes.</param>
    /// <param name="path">The language model's file, which ends in <c>.gguf</c>. Nothing may be there yet.</param>
    /// <param name="type">The kind of file; see <see cref="GgufExportType.ForVision"/> for the tower's.</param>
    /// <param name="mmproj">The vision tower's file, or null to leave it out.</param>
    /// <param name="progress">Told about the bytes of all files.</param>
    /// <param name="cancellationToken">Ends the work between slices; neither file is left then.</param>
    /// <exception cref="MedixException">
    /// The model has no vision tower or is of a shape that llama.cpp's files cannot say, its tokenizer cannot be read, a weight does not fit the format, or a file cannot
    /// be written.
    /// </exception>
    public static IReadOnlyList<ExportedFile> Export(
        Checkpoint model, string path, GgufExportType type, string? mmproj = null, Action<CreationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(type);
        RequireFree(path, mmproj);
        RequireText(model);
        List<Work> work = [];
        if (mmproj is not null)
        {
            VisionConfig vision = RequireVision(model, mmproj);
            IReadOnlyList<PlannedTensor> tower = ExportPlan.Of(model, type.ForVision, vision: true);
            work.Add(new(mmproj, ModelMetadata.Vision(model, vision, type.ForVision, tower), tower));
        }

        IReadOnlyList<PlannedTensor> tensors = ExportPlan.Of(model, type, vision: false);
        work.Add(new(path, ModelMetadata.Text(model, type, tensors), tensors));
        Write(model, work, progress, cancellationToken);
        return [.. work.Select(file => file.Report())];
    }

    /// <summary>Throws where a name is no GGUF file's or already taken: what <see cref="Export"/> asks first, for those who have other work to do before it.</summary>
    /// <exception cref="MedixException">The message names the file.</exception>
    public static void RequireFree(string path, string? mmproj = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        foreach (string file in mmproj is null ? [path] : (string[])[path, mmproj])
        {
            if (!file.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase) || Directory.Exists(file))
            {
                throw new MedixException($"'{file}' is to be a GGUF file; expected a name that ends in {Suffix} and is no folder's. Name another file.");
            }

            if (File.Exists(file))
            {
                throw new MedixException($"{file}: there is a file of that name. Name another file; nothing is overwritten.");
            }
        }

        if (mmproj is not null && Path.GetFullPath(path) == Path.GetFullPath(mmproj))
        {
            throw new MedixException($"'{path}' cannot be both the language model's file and the vision tower's. Name two files.");
        }
    }

    private static void Write(Checkpoint model, List<Work> work, Action<CreationProgress>? progress, CancellationToken cancellationToken)
    {
        long total = work.Sum(file => file.Bytes), done = 0;
        TensorStream stream = new();
        List<string> written = [];
        try
        {
            foreach (Work file in work)
            {
                GgufWriter.Write(file.Path, file.Metadata, [.. file.Tensors.Select(tensor => new GgufStreamedTensor(tensor.Name, tensor.Format, tensor.Shape, target =>
                {
                    stream.Write(tensor, target, bytes => progress?.Invoke(new(tensor.Name, done += bytes, total)), cancellationToken);
                    model.Release(tensor.Source);
                }))], cancellationToken);
                written.Add(file.Path);
            }
        }
        catch
        {
            // A tower alone is no model, and would be in the way of the next try.
            written.ForEach(File.Delete);
            throw;
        }
    }

    private static void RequireText(Checkpoint model)
    {
        TextConfig text = model.Config.Text;
        if (text.Experts is not null && Enumerable.Range(0, text.Layers).FirstOrDefault(layer => !ModelTensors.IsSparse(text, layer), -1) is >= 0 and var dense)
        {
            throw new MedixException(
                $"{model.Folder}: layer {dense} has no experts (mlp_only_layers, decoder_sparse_step), but llama.cpp expects them in every layer of a mixture. "
                + "This model cannot be exported as GGUF.");
        }
    }

    private static VisionConfig RequireVision(Checkpoint model, string mmproj)
    {
        VisionConfig vision = model.Config.Vision
            ?? throw new MedixException($"{model.Folder}: {model.Config.Architecture} reads text only; there is no vision tower for '{mmproj}'. Leave --mmproj out.");
        return vision.TemporalPatchSize == 2
            ? vision
            : throw new MedixException($"{model.Folder}: temporal_patch_size is {vision.TemporalPatchSize}, expected 2, the only one that llama.cpp knows. Leave --mmproj out.");
    }

    private sealed record Work(string Path, IReadOnlyList<KeyValuePair<string, GgufValue>> Metadata, IReadOnlyList<PlannedTensor> Tensors)
    {
        public long Bytes { get; } = Tensors.Sum(tensor => tensor.Format.BytesOf(tensor.Count));

        public ExportedFile Report() => new(
            Path, [.. Tensors.GroupBy(tensor => tensor.Format.Name).OrderByDescending(group => group.Sum(tensor => tensor.Count))
                .Select(group => KeyValuePair.Create(group.Key, group.Count()))],
            Tensors.Sum(tensor => tensor.Count), new FileInfo(Path).Length,
            [.. Tensors.Where(tensor => tensor.Format != tensor.Wanted).GroupBy(tensor => (tensor.Wanted, tensor.Format))
                .Select(group => new FormatFallback(group.Key.Wanted.Name, group.Key.Wanted.BlockValues, group.Key.Format.Name, group.Count()))]);
    }
}
