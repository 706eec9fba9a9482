using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Packed;

/// <summary>
/// What packing did to the matrices of one name: <paramref name="Count"/> of them (experts) of a shape [N, K]; <paramref name="Error"/> is the root of the squared errors
/// over the squared weights, <paramref name="OutputError"/> the same with each input's mean square, or null without calibration.
/// </summary>
public sealed record TensorError(string Name, WeightStorage Storage, IReadOnlyList<int> Shape, int Count, long Bytes, double Error, double? OutputError);

/// <summary>
/// Packs a model into a file, one matrix at a time: peak memory is the largest matrix, whatever the model's size. The file appears under its name when it is whole.
/// </summary>
public static class PackedModelWriter
{
    /// <summary>Packs published weights as the plan says.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="source">What it is made of, for people.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="plan">How each matrix is stored.</param>
    /// <param name="importance">How much each input of the matrices of a name counts [K]; names not in it have inputs all alike.</param>
    /// <param name="pool">Threads that pack.</param>
    /// <param name="progress">Told of bytes written and of all bytes, or null.</param>
    /// <param name="cancellationToken">Ends the work; nothing is left then.</param>
    /// <exception cref="MedixException">The file cannot be written.</exception>
    public static IReadOnlyList<TensorError> Write(
        string path,
        string source,
        WeightSource weights,
        StoragePlan plan,
        IReadOnlyDictionary<string, float[]> importance,
        WorkerPool pool,
        Action<long, long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        NewModelMemory memory = new(plan);
        using TextWeights text = new(weights.Config.Text, memory);
        using VisionWeights? vision = weights.Config.Vision is { } shape ? new VisionWeights(shape, memory) : null;
        IReadOnlyList<TensorError> errors = [];
        Atomically(path, partial =>
        {
            using PackedFileWriter writer = new(partial, source, weights.Config, plan, memory.Parts);
            PackingSession session = new(writer, memory.Parts, importance, pool, progress, cancellationToken);
            WeightLoader loader = weights.LoaderFor(pool, session.Hooks);
            vision?.Load(loader);
            text.Load(loader);
            writer.Finish();
            errors = session.Errors();
        });
        return errors;
    }

    /// <summary>Writes a model that is in memory, as it is.</summary>
    /// <exception cref="MedixException">The file cannot be written.</exception>
    public static void Save(string path, string source, Qwen3VLModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Atomically(path, partial =>
        {
            using PackedFileWriter writer = new(partial, source, model.Config, model.Plan, model.Memory.Parts);
            foreach (ModelPart part in model.Memory.Parts)
            {
                writer.Write(part);
            }

            writer.Finish();
        });
    }

    private static void Atomically(string path, Action<string> write)
    {
        string partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            write(partial);
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the packed model could not be written ({error.Message.TrimEnd('.')}). Check the path, its permissions and the disk's free "
                + $"space.", error);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}

/// <summary>Writes each part once it is whole, and measures it.</summary>
internal sealed class PackingSession
{
    private readonly PackedFileWriter writer;
    private readonly IReadOnlyDictionary<string, float[]> importance;
    private readonly WorkerPool pool;
    private readonly Action<long, long>? progress;
    private readonly CancellationToken cancellationToken;
    private readonly Dictionary<object, ModelPart> parts;
    private readonly Dictionary<string, (PackingError Error, List<ModelPart> Parts)> byKey = new(StringComparer.Ordinal);
    private readonly long total;
    private long done;
    private int filled;

    public PackingSession(
        PackedFileWriter writer, IReadOnlyList<ModelPart> parts, IReadOnlyDictionary<string, float[]> importance, WorkerPool pool,
        Action<long, long>? progress, CancellationToken cancellationToken)
    {
        (this.writer, this.importance, this.pool, this.progress, this.cancellationToken) = (writer, importance, pool, progress, cancellationToken);
        this.parts = parts.ToDictionary(part => (object?)part.Matrix ?? part.Vector!, ReferenceEqualityComparer.Instance);
        total = parts.Sum(SizeOf);
        Hooks = new LoadHooks(ImportanceOf, RowsPacked, vector => Write(this.parts[vector]));
    }

    public LoadHooks Hooks { get; }

    public IReadOnlyList<TensorError> Errors() =>
    [
        .. byKey.Select(pair => new TensorError(
            pair.Key, pair.Value.Parts[0].Matrix!.Storage, [pair.Value.Parts[0].Matrix!.N, pair.Value.Parts[0].Matrix!.K], pair.Value.Parts.Count,
            pair.Value.Parts.Sum(SizeOf), pair.Value.Error.Relative, pair.Value.Error.RelativeOfOutputs)),
    ];

    private static long SizeOf(ModelPart part) =>
        part.Matrix is { } matrix ? PackedTensor.SizeOf(matrix.Storage, [matrix.N, matrix.K]) : part.Vector!.Length;

    /// <summary>By the part's own name (an expert's) or that of its kind.</summary>
    private float[]? ImportanceOf(PackedMatrix matrix)
    {
        ModelPart part = parts[matrix];
        return importance.GetValueOrDefault(part.Name) ?? importance.GetValueOrDefault(part.Key);
    }

    /// <summary>A matrix may come in several pieces, one after the other; when it is full it is written and its memory given back.</summary>
    private void RowsPacked(PackedMatrix matrix, int first, ReadOnlySpan<float> weights)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ModelPart part = parts[matrix];
        if (!byKey.TryGetValue(part.Key, out (PackingError Error, List<ModelPart> Parts) measured))
        {
            byKey[part.Key] = measured = (new PackingError(), []);
        }

        measured.Error.Add(matrix, first, weights, ImportanceOf(matrix), pool);
        filled += weights.Length / matrix.K;
        if (filled == matrix.N)
        {
            filled = 0;
            measured.Parts.Add(part);
            Write(part);
            matrix.Release();
        }
    }

    private void Write(ModelPart part)
    {
        writer.Write(part);
        done += SizeOf(part);
        progress?.Invoke(done, total);
    }
}
