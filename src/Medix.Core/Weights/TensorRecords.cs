using System.Runtime.InteropServices;

namespace Medix.Weights;

/// <summary>
/// One tensor of a safetensors file. <paramref name="Begin"/> and <paramref name="End"/> are byte offsets from the start of the
/// data section; values are row-major and little-endian; a scalar has an empty shape.
/// </summary>
public sealed record TensorInfo(string Name, string DType, long[] Shape, long Begin, long End)
{
    /// <summary>Number of values.</summary>
    public long Count => ((End - Begin) * 8) / DTypes.Bits(DType);

    /// <summary>The shape as it is written in messages: <c>[512, 64]</c>.</summary>
    public string ShapeText => ShapeToText(Shape);

    internal static string ShapeToText(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}

/// <summary>One tensor to be written: row-major little-endian bytes of <paramref name="DType"/> (<c>F32</c>, <c>BF16</c>, <c>I64</c>, …).</summary>
public sealed record TensorData(string Name, string DType, long[] Shape, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Copies float values into an <c>F32</c> tensor; the number of values must be the shape's product.</summary>
    public static TensorData FromFloat32(string name, long[] shape, float[] values) =>
        new(name, "F32", shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}

/// <summary>
/// One tensor to be written that produces its own bytes: <paramref name="Write"/> puts exactly as many as the shape of this <paramref name="DType"/> has into
/// the stream, row-major and little-endian, in pieces of its choice.
/// </summary>
public sealed record StreamedTensor(string Name, string DType, long[] Shape, Action<Stream> Write)
{
    /// <summary>Bytes of the tensor, or -1 where the shape is impossible.</summary>
    public long Bytes => Size(DType, Shape);

    internal static long Size(string dtype, ReadOnlySpan<long> shape)
    {
        Int128 bits = DTypes.TryBits(dtype, out int width) ? width : -1;
        foreach (long dimension in shape)
        {
            bits = dimension < 0 || bits < 0 || bits > long.MaxValue ? -1 : bits * dimension;
        }

        return bits < 0 || bits % 8 != 0 || bits / 8 > long.MaxValue ? -1 : (long)(bits / 8);
    }
}

/// <summary>A NaN or infinity found in a tensor; <paramref name="Index"/> counts values from 0 in row-major order.</summary>
public sealed record NonFiniteValue(string Tensor, long Index, double Value);

/// <summary>The element types a safetensors header may name, with their sizes in bits.</summary>
internal static class DTypes
{
    // In the order in which the reference writer sorts types: later ones stand first in its files.
    private static readonly (string Name, int Bits)[] Ordered =
    [
        ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8),
        ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32),
        ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ];

    private static readonly Dictionary<string, int> BitsByName = Ordered.ToDictionary(type => type.Name, type => type.Bits, StringComparer.Ordinal);

    public static string Known => string.Join(", ", BitsByName.Keys);

    public static bool TryBits(string name, out int bits) => BitsByName.TryGetValue(name, out bits);

    /// <summary>The type's place in the writer's order.</summary>
    public static int Rank(string name) => Array.FindIndex(Ordered, type => type.Name == name);

    public static int Bits(string name) => BitsByName[name];
}
