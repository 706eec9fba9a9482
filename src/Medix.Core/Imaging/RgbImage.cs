namespace Medix.Imaging;

/// <summary>An upright 8-bit RGB picture; <paramref name="Pixels"/> is [height, width, 3] row-major.</summary>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);

/// <summary>An image's grid in patches: temporal, height, width (before merging).</summary>
public readonly record struct ImageGrid(int T, int H, int W)
{
    /// <summary>Number of patches, t·h·w.</summary>
    public int Patches => checked(T * H * W);
}

/// <summary>Decodes one encoded picture to upright 8-bit RGB.</summary>
public interface IImageDecoder
{
    /// <summary>Whether the first bytes look like this decoder's format.</summary>
    bool CanDecode(ReadOnlySpan<byte> bytes);

    /// <summary>Decodes, or throws <see cref="Runs.MedixException"/> naming <paramref name="name"/> and the fault.</summary>
    RgbImage Decode(ReadOnlyMemory<byte> bytes, string name);
}
