using Medix.Imaging;
using Medix.Runs;
using Medix.Weights.Gguf.Import;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// Keeps a model's limits of a picture's area with its GGUF files. llama.cpp's converter writes no key for them, and its files are matched byte for byte, so that limits
/// other than the published ones go into a <c>preprocessor_config.json</c> beside the vision tower's file, where <see cref="GgufImages"/> finds them.
/// </summary>
public static class ExportedImages
{
    /// <summary>Whether the limits need a file of their own beside <paramref name="mmproj"/>; there is no work to undo where this throws.</summary>
    /// <exception cref="MedixException">Another model's file is in the way, which would be taken for this one's.</exception>
    public static bool NeedFile(Checkpoint model, string mmproj)
    {
        ArgumentNullException.ThrowIfNull(model);
        string source = Path.Combine(model.Folder, GgufImages.FileName), target = PathOf(mmproj);
        if (!File.Exists(source) || Path.GetFullPath(source) == Path.GetFullPath(target))
        {
            return false;
        }

        ImageProcessorOptions own = ImageProcessorOptions.Load(source), published = ImageProcessorOptions.Qwen3VL();
        if (!File.Exists(target))
        {
            return (own.MinPixels, own.MaxPixels) != (published.MinPixels, published.MaxPixels);
        }

        ImageProcessorOptions there = ImageProcessorOptions.Load(target);
        return IsSame(own, there)
            ? false
            : throw new MedixException(
                $"{target}: there is another model's file of that name, for areas of {there.MinPixels} to {there.MaxPixels} pixels, and medix would read it for this one, "
                + $"whose are {own.MinPixels} to {own.MaxPixels}. Name a --mmproj in a folder of its own; nothing is overwritten.");
    }

    /// <summary>Copies the file beside <paramref name="mmproj"/> and returns where it is.</summary>
    public static string Copy(Checkpoint model, string mmproj)
    {
        ArgumentNullException.ThrowIfNull(model);
        string target = PathOf(mmproj);
        AtomicFile.WriteAllBytes(target, File.ReadAllBytes(Path.Combine(model.Folder, GgufImages.FileName)));
        return target;
    }

    private static bool IsSame(ImageProcessorOptions one, ImageProcessorOptions other) =>
        one.Mean.AsSpan().SequenceEqual(other.Mean) && one.Std.AsSpan().SequenceEqual(other.Std) && one == other with { Mean = one.Mean, Std = one.Std };

    private static string PathOf(string mmproj) => Path.Combine(Path.GetDirectoryName(mmproj) ?? "", GgufImages.FileName);
}
