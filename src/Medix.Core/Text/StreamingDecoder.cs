using System.Text;

namespace Medix.Text;

/// <summary>
/// Text of tokens as they arrive. A character that is not whole yet is held back: a chunk is released once the text so far does not end in U+FFFD,
/// and <see cref="Flush"/> releases the rest. The chunks together equal <see cref="Tokenizer.Decode"/> of all ids. Not for use from several threads.
/// </summary>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecial)
{
    private readonly List<byte> _held = [];

    /// <summary>Takes the next token and gives the text that can be shown now, often empty.</summary>
    public string Add(int id)
    {
        tokenizer.AppendBytes(id, skipSpecial, _held);
        string text = Encoding.UTF8.GetString([.. _held]);
        if (text.EndsWith('\uFFFD'))
        {
            return "";
        }

        _held.Clear();
        return text;
    }

    /// <summary>What is still held back, with incomplete characters as U+FFFD; the decoder can be used again afterwards.</summary>
    public string Flush()
    {
        string text = Encoding.UTF8.GetString([.. _held]);
        _held.Clear();
        return text;
    }
}
