namespace Medix.Imaging;

/// <summary>An upright 8-bit RGB picture; <paramref name="Pixels"/> is [height, width, 3] row-major.</summary>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);

/// <summary>A picture's size in pixels, upright.</summary>
public readonly record struct ImageSize(int Width, int Height);

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

    /// <summary>The upright size, from the header alone: it is held against the limits before anything is decoded.</summary>
    ImageSize ReadSize(ReadOnlyMemory<byte> bytes, string name);

    /// <summary>Decodes, or throws <see cref="Runs.MedixException"/> naming <paramref name="name"/> and the fault.</summary>
    RgbImage Decode(ReadOnlyMemory<byte> bytes, string name);
}
