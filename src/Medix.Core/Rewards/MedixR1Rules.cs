using System.Text;
using Medix.Text;

namespace Medix.Rewards;

/// <summary>
/// The text rules of MediX-R1's reward, defects included (arXiv 2602.23363). Linear in the
/// length of the response, and equal to the original on every text.
/// </summary>
internal static class MedixR1Rules
{
    private const string OpenThinking = "<thinking>";
    private const string CloseThinking = "</thinking>";
    private const string OpenAnswer = "<answer>";
    private const string CloseAnswer = "</answer>";

    /// <summary>Deletes white space that touches an angle bracket or a slash.</summary>
    public static string Normalise(string response)
    {
        StringBuilder text = new(response.Length);
        int at = 0;
        while (at < response.Length)
        {
            int end = at;
            while (end < response.Length && PythonText.IsSpace(response[end]))
            {
                end++;
            }

            bool touches = (at > 0 && IsSign(response[at - 1])) || (end < response.Length && IsSign(response[end]));
            if (!touches)
            {
                text.Append(response, at, end - at);
            }

            at = end;
            while (at < response.Length && !PythonText.IsSpace(response[at]))
            {
                at++;
            }

            text.Append(response, end, at - end);
        }

        return text.ToString();
    }

    /// <summary>From the first thinking tag on: a closed thinking block followed by an answer tag, and a closing answer tag at the very end.</summary>
    public static bool HasFormat(string normalised)
    {
        int start = normalised.IndexOf(OpenThinking, StringComparison.Ordinal);
        if (start < 0)
        {
            return false;
        }

        string text = PythonText.Strip(normalised[start..]);
        int answer = AnswerAfterThinking(text);
        int last = text.Length - CloseAnswer.Length;
        return answer >= 0 && answer + OpenAnswer.Length <= last && text.EndsWith(CloseAnswer, StringComparison.Ordinal);
    }

    /// <summary>Where the first answer tag stands that follows a closing thinking tag, white space apart; -1 where none does.</summary>
    private static int AnswerAfterThinking(string text)
    {
        int close = text.IndexOf(CloseThinking, OpenThinking.Length, StringComparison.Ordinal);
        while (close >= 0)
        {
            int answer = close + CloseThinking.Length;
            while (answer < text.Length && PythonText.IsSpace(text[answer]))
            {
                answer++;
            }

            if (text.AsSpan(answer).StartsWith(OpenAnswer))
            {
                return answer;
            }

            close = text.IndexOf(CloseThinking, answer, StringComparison.Ordinal);
        }

        return -1;
    }

    /// <summary>The first answer block wherever it stands, or the whole text; white space, then dots taken off both ends.</summary>
    public static string Answer(string normalised)
    {
        int open = normalised.IndexOf(OpenAnswer, StringComparison.Ordinal);
        int start = open + OpenAnswer.Length;
        int close = open < 0 ? -1 : normalised.IndexOf(CloseAnswer, start, StringComparison.Ordinal);
        string answer = close < 0 ? normalised : normalised[start..close];
        return PythonText.Strip(answer).Trim('.');
    }

    /// <summary>The reference without its tag, or null where it has none (the original fails there and scores 0).</summary>
    public static string? Reference(string? groundTruth)
    {
        int end = groundTruth?.IndexOf('>', StringComparison.Ordinal) ?? -1;
        return end < 0 ? null : PythonText.Strip(groundTruth![(end + 1)..]).Trim('.');
    }

    /// <summary>Answers that score 0 untried: empty, one character, or with a colon, a question mark or two underscores.</summary>
    public static bool IsInvalid(string answer) =>
        answer.Length == 0 || PythonText.IsOneCodePoint(answer) || answer.Contains("__", StringComparison.Ordinal) || answer.AsSpan().ContainsAny(':', '?');

    /// <summary>Whether the response has a thinking tag; only then is the modality looked at.</summary>
    public static bool HasThinking(string normalised) => normalised.Contains(OpenThinking, StringComparison.Ordinal);

    /// <summary>Whether the text before the first thinking tag is the reference's tag, in any case.</summary>
    public static bool HasModality(string normalised, string groundTruth)
    {
        int thinking = normalised.IndexOf(OpenThinking, StringComparison.Ordinal);
        if (thinking < 0)
        {
            return false;
        }

        int end = groundTruth.IndexOf('>', StringComparison.Ordinal);
        string expected = end < 0 ? groundTruth + ">" : groundTruth[..(end + 1)];
        string found = PythonText.Strip(normalised[..thinking]);
        return string.Equals(PythonText.Upper(found), PythonText.Upper(expected), StringComparison.Ordinal);
    }

    /// <summary>
    /// Cosine in single precision as the original computes it: each vector over max(norm, 1e-12), then the dot product. The order of operations matters,
    /// since pairs that stand exactly at the threshold count as reached.
    /// </summary>
    public static double Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float normA = MathF.Max(Norm(a), 1e-12f);
        float normB = MathF.Max(Norm(b), 1e-12f);
        float dot = 0;
        for (int i = 0; i < a.Length; i++)
        {
            dot += a[i] / normA * (b[i] / normB);
        }

        return dot;
    }

    private static float Norm(ReadOnlySpan<float> vector)
    {
        float sum = 0;
        foreach (float value in vector)
        {
            sum += value * value;
        }

        return MathF.Sqrt(sum);
    }

    private static bool IsSign(char c) => c is '<' or '>' or '/';
}
