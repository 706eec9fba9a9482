using System.Text;

namespace Medix.Inference.Generation;

/// <summary>
/// Looks for stop strings in a draw's bytes as they come (Knuth, Morris, Pratt 1977, one table per string). UTF-8 is self-synchronising, so a match of bytes is a
/// match of characters.
/// </summary>
internal sealed class StopMatcher
{
    private readonly IReadOnlyList<string> texts;
    private readonly byte[][] patterns;
    private readonly int[][] fallbacks;
    private readonly int[] matched;

    public StopMatcher(IReadOnlyList<string> texts)
    {
        this.texts = texts;
        patterns = [.. texts.Select(Encoding.UTF8.GetBytes)];
        fallbacks = [.. patterns.Select(Fallbacks)];
        matched = new int[patterns.Length];
    }

    /// <summary>Bytes seen, at most up to the end of the stop string.</summary>
    public int Seen { get; private set; }

    /// <summary>The stop string found, or null.</summary>
    public string? Found { get; private set; }

    /// <summary>Bytes that are part of the text for certain: before the stop string, or before what may yet become one.</summary>
    public int TextBytes { get; private set; }

    /// <summary>Takes a token's bytes; true once a stop string has come up.</summary>
    public bool Accept(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (Found is not null)
            {
                break;
            }

            Seen++;
            Step(value);
        }

        return Found is not null;
    }

    private void Step(byte value)
    {
        int longest = 0;
        bool complete = false;
        for (int i = 0; i < patterns.Length; i++)
        {
            byte[] pattern = patterns[i];
            int length = matched[i];
            while (length > 0 && pattern[length] != value)
            {
                length = fallbacks[i][length - 1];
            }

            length += pattern[length] == value ? 1 : 0;
            matched[i] = length;
            bool whole = length == pattern.Length;
            if (whole && (!complete || length > longest))
            {
                (Found, longest, complete) = (texts[i], length, true);
            }

            longest = complete ? longest : Math.Max(longest, length);
        }

        TextBytes = Seen - longest;
    }

    /// <summary>For each prefix, the length of its longest proper prefix that is also its suffix.</summary>
    private static int[] Fallbacks(byte[] pattern)
    {
        int[] fallback = new int[pattern.Length];
        for (int i = 1, length = 0; i < pattern.Length; i++)
        {
            while (length > 0 && pattern[length] != pattern[i])
            {
                length = fallback[length - 1];
            }

            length += pattern[length] == pattern[i] ? 1 : 0;
            fallback[i] = length;
        }

        return fallback;
    }
}
