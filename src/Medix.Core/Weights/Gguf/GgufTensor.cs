using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf;

/// <summary>
/// One tensor of a GGUF file. <paramref name="Shape"/> is row-major as everywhere here, the last dimension contiguous: the reverse of the order in the file.
/// <paramref name="Offset"/> counts bytes from the start of the data section.
/// </summary>
public sealed record GgufTensor(string Name, BlockFormat Format, long[] Shape, long Offset)
{
    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (product, side) => product * side);

    /// <summary>Bytes in the file.</summary>
    public long Bytes => Format.BytesOf(Count);

    /// <summary>The shape as it is written in messages.</summary>
    public string ShapeText => TensorInfo.ShapeToText(Shape);
}
