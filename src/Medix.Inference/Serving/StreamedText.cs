using System.Text;
using Medix.Inference.Generation;

namespace Medix.Inference.Serving;

/// <summary>The text of tokens as they arrive: only what is certain to stay, in whole characters.</summary>
internal sealed class StreamedText(TokenVocabulary vocabulary)
{
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private readonly List<byte> bytes = [];
    private int shown;

    /// <summary>What can be shown now that a token has come; with the last one, all of the rest.</summary>
    public string Add(GeneratedToken token, bool last)
    {
        bytes.AddRange(vocabulary[token.Id]);
        int certain = Math.Clamp(token.TextBytes ?? bytes.Count, shown, bytes.Count);
        byte[] part = [.. bytes.GetRange(shown, certain - shown)];
        shown = certain;
        char[] characters = new char[decoder.GetCharCount(part, last)];
        int count = decoder.GetChars(part, characters, last);
        return new string(characters, 0, count);
    }
}
