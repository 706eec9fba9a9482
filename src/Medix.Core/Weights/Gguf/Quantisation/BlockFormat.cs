using Medix.Runs;

namespace Medix.Weights.Gguf.Quantisation;

internal delegate void BlockDecoder(ReadOnlySpan<byte> blocks, Span<float> values);

internal delegate void BlockEncoder(ReadOnlySpan<float> values, Span<byte> blocks);

/// <summary>
/// How a GGUF tensor stores its values: rows are cut into blocks of <paramref name="BlockValues"/> values that take <paramref name="BlockBytes"/> bytes each.
/// <paramref name="Id"/> is the number in the file, <paramref name="Name"/> ggml's own name of the type (<c>Q4_K</c>). Every kind has its size, so that any
/// file can be listed; not every kind can be read or written.
/// </summary>
public sealed record BlockFormat(int Id, string Name, int BlockValues, int BlockBytes)
{
    internal BlockDecoder? Decoder { get; init; }

    internal BlockEncoder? Encoder { get; init; }

    /// <summary>Whether values of this kind can be read.</summary>
    public bool CanRead => Decoder is not null;

    /// <summary>Whether values can be written as this kind.</summary>
    public bool CanWrite => Encoder is not null;

    /// <summary>Bytes of a number of values, which must be whole blocks.</summary>
    public long BytesOf(long values) => values / BlockValues * BlockBytes;

    /// <summary>
    /// Widens whole blocks to floats, bit for bit as ggml's own decoder does. <paramref name="values"/> has as many values as <paramref name="blocks"/> holds.
    /// </summary>
    /// <exception cref="MedixException">Values of this kind cannot be read; the message names those that can.</exception>
    public void Dequantise(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        Check(values.Length, blocks.Length);
        (Decoder ?? throw Unreadable($"A tensor is {Name}"))(blocks, values);
    }

    /// <summary>
    /// Rounds whole blocks of floats. The simple kinds give ggml's bytes; those with searched scales (<c>…_K</c>) follow its search.
    /// Values that are not finite give blocks that are not finite.
    /// </summary>
    /// <exception cref="MedixException">Values of this kind cannot be written; the message names those that can.</exception>
    public void Quantise(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        Check(values.Length, blocks.Length);
        BlockEncoder encoder = Encoder ?? throw new MedixException($"Tensors cannot be written as {Name}; expected {BlockFormats.Writable}.");
        encoder(values, blocks);
    }

    internal static MedixException Unreadable(string subject) => new(
        $"{subject}, a kind of quantisation that is not read here; expected {BlockFormats.Readable}. Convert the file to one of these.");

    private void Check(int values, int bytes)
    {
        if (values % BlockValues != 0 || BytesOf(values) != bytes)
        {
            throw new ArgumentException($"{values} values and {bytes} bytes do not fit blocks of {BlockValues} values in {BlockBytes} bytes ({Name}).");
        }
    }
}
