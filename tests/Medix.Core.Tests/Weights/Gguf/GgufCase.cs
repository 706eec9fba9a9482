using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Import;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>
/// A converted model and the checkpoint it was made from, found by content: vectors are in single precision in every file, so that all of them are equal to those of
/// one checkpoint. With each vision tower that fits, the model is a case once more.
/// </summary>
internal sealed record GgufCase(string Name, GgufModel Gguf, Checkpoint Checkpoint, Checkpoint? Tower) : IDisposable
{
    public static IEnumerable<GgufCase> All()
    {
        string[] checkpoints = Directory.GetDirectories(GgufGoldens.Folder("hf"));
        ILookup<bool, string> files = GgufGoldens.Models().ToLookup(IsTower);
        Assert.NotEmpty(files[true]);
        int seeing = 0;
        foreach (string path in files[false])
        {
            foreach (string? tower in files[true].Prepend(null))
            {
                if (TryOpen(path, tower) is { } model)
                {
                    seeing += tower is null ? 0 : 1;
                    yield return new(
                        Path.GetFileName(path), model, checkpoints.Select(Checkpoint.Open).First(opened => Keep(opened, HasVectorsOf(opened, model, vision: false))),
                        tower is null ? null : checkpoints.Select(Checkpoint.Open).First(opened => Keep(opened, HasVectorsOf(opened, model, vision: true))));
                }
            }
        }

        Assert.True(seeing > 0, "No vision tower fits any model.");
    }

    /// <summary>A parameter of the checkpoint, or of that of the vision tower.</summary>
    public float[] Published(ExpectedTensor tensor) => (GgufTensorNames.IsVision(tensor.Name) ? Tower! : Checkpoint).ReadFloat32(tensor.Name);

    /// <summary>The kind in which the file holds a parameter.</summary>
    public string KindOf(ExpectedTensor tensor)
    {
        GgufParts parts = GgufTensorNames.IsVision(tensor.Name) ? Gguf.Vision! : Gguf.Text;
        return string.Join(
            " and ", GgufTensorNames.Of(tensor.Name, Gguf.Config.Vision?.DeepstackIndexes ?? []).Select(name => parts.Tensor(name).Format.Name).Distinct());
    }

    public void Dispose()
    {
        Gguf.Dispose();
        Checkpoint.Dispose();
        Tower?.Dispose();
    }

    private static bool IsTower(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return file.Metadata.Text("general.architecture") == "clip";
    }

    private static GgufModel? TryOpen(string path, string? tower)
    {
        try
        {
            return GgufModel.Open(path, tower);
        }
        catch (MedixException) when (tower is not null)
        {
            return null;
        }
    }

    private static bool Keep(Checkpoint checkpoint, bool keep)
    {
        if (!keep)
        {
            checkpoint.Dispose();
        }

        return keep;
    }

    private static bool HasVectorsOf(Checkpoint checkpoint, GgufModel model, bool vision)
    {
        ExpectedTensor[] vectors = [.. ModelTensors.Of(model.Config).Where(tensor => tensor.Shape.Length == 1 && GgufTensorNames.IsVision(tensor.Name) == vision)];
        return vectors.All(vector => checkpoint.Contains(vector.Name) && checkpoint.ReadFloat32(vector.Name).AsSpan().SequenceEqual(Read(model, vector)))
            && (vision || ModelTensors.Of(model.Config).Where(tensor => !GgufTensorNames.IsVision(tensor.Name)).All(tensor => checkpoint.Contains(tensor.Name)));
    }

    private static float[] Read(GgufModel model, ExpectedTensor vector)
    {
        float[] values = new float[vector.Shape[0]];
        model.ReadFloat32(vector.Name, 0, values);
        return values;
    }
}
