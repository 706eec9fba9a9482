using System.Text.Json;

namespace Medix.Judging;

/// <summary>
/// Reads a judge's reply strictly: a JSON object with one verdict, bare or in a code fence, or a reply that begins with the word itself followed by the end
/// or a full stop. A word found elsewhere decides nothing ("Eyes", "NO, yesterday"), and two verdicts are none.
/// </summary>
internal static class VerdictReader
{
    private static readonly string[] Fields = ["verdict", "equivalent", "match"];

    /// <summary>The verdict in a reply, or a verdict of null that says why there is none.</summary>
    public static Verdict Read(string? reply, string judge)
    {
        string text = AfterThinking(reply ?? "").Trim();
        if (text.Length == 0)
        {
            return new Verdict(null, judge, "the judge's reply is empty");
        }

        Verdict? verdict = text[0] is '{' or '`' ? FromJson(Unfenced(text), judge) : FromWord(text, judge);
        return verdict ?? new Verdict(null, judge, $"the judge's reply is not a verdict: {Shortened(text)}");
    }

    /// <summary>Drops a leading reasoning block, which some models write whatever they are told; an unfinished one is all there is.</summary>
    private static string AfterThinking(string reply)
    {
        const string open = "<think>", close = "</think>";
        if (!reply.AsSpan().TrimStart().StartsWith(open))
        {
            return reply;
        }

        int end = reply.IndexOf(close, StringComparison.Ordinal);
        return end < 0 ? reply : reply[(end + close.Length)..];
    }

    private static string Unfenced(string text)
    {
        if (text[0] != '`')
        {
            return text;
        }

        int open = text.IndexOf('{', StringComparison.Ordinal);
        int close = text.LastIndexOf('}');
        return open < 0 || close < open ? text : text[open..(close + 1)];
    }

    private static Verdict? FromJson(string text, string judge)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            List<bool?> found = [.. root.EnumerateObject().Where(field => Fields.Contains(field.Name)).Select(field => Value(field.Value))];
            if (found is not [bool equivalent])
            {
                return null;
            }

            bool explained = root.TryGetProperty("reason", out JsonElement reason) && reason.ValueKind == JsonValueKind.String;
            return new Verdict(equivalent, judge, explained ? Shortened(reason.GetString()!) : "");
        }
        catch (JsonException)
        {
            // Not a JSON object: the caller reports the reply as unreadable.
            return null;
        }
    }

    private static bool? Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => Word(value.GetString()!.Trim()),
        _ => null,
    };

    private static bool? Word(string word) => word.ToUpperInvariant() switch
    {
        "YES" or "EQUIVALENT" => true,
        "NO" or "DIFFERENT" => false,
        _ => null,
    };

    private static Verdict? FromWord(string text, string judge)
    {
        string bare = text.TrimStart('*', '"', '\'', '#', ' ');
        int end = 0;
        while (end < bare.Length && char.IsAsciiLetter(bare[end]))
        {
            end++;
        }

        string rest = bare[end..].TrimStart('*', '"', '\'');
        bool closed = rest.Length == 0 || rest[0] is '.' or '!' or '\n' or '\r';
        if (!closed || Word(bare[..end]) is not bool equivalent)
        {
            return null;
        }

        // "NO. YES" says nothing.
        char[] between = [' ', '.', ',', ';', ':', '!', '*', '"', '\'', '\n', '\r', '\t', '(', ')'];
        bool twice = rest.Split(between, StringSplitOptions.RemoveEmptyEntries).Any(word => Word(word) == !equivalent);
        return twice ? null : new Verdict(equivalent, judge, Shortened(rest.TrimStart('.', '!', ' ', '\n', '\r')));
    }

    private static string Shortened(string text) => text.Length <= 120 ? text : text[..119] + "…";
}
