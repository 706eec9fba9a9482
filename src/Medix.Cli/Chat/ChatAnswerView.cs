using System.Globalization;
using Medix.Text;

namespace Medix.Cli.Chat;

/// <summary>
/// Shows an answer while it comes: the kind of picture, the reasoning folded to one line, and the answer. On a terminal the folded line counts along;
/// elsewhere every line is written once, when it is known. An answer that <paramref name="hasForm"/> is shown as it is.
/// </summary>
internal sealed class ChatAnswerView(TextWriter output, bool showThinking, bool live, bool hasForm = false)
{
    /// <summary>What stands below every answer.</summary>
    public const string Notice = "For research only. Not for clinical use.";

    private const string Erase = "\r\u001b[2K";
    private bool modalityShown;
    private bool foldedShown;
    private string thinkingShown = "";
    private string answerShown = "";

    /// <summary>Shows what is new in the text so far.</summary>
    public void Show(string text)
    {
        ParsedResponse parsed = hasForm ? AnswerForm.Parse(text) : ResponseParser.Parse(Whole(text));
        if (!modalityShown && parsed.Modality is not null && (parsed.Thinking is not null || parsed.Answer.Length > 0))
        {
            output.WriteLine($"Modality: {parsed.Modality}");
            modalityShown = true;
        }

        if (parsed.Thinking is { Length: > 0 } thinking)
        {
            ShowThinking(thinking);
        }

        if (live && parsed.Answer.Length > 0)
        {
            ShowAnswer(parsed.Answer);
        }

        output.Flush();
    }

    /// <summary>Shows what is still missing, the figures and the notice.</summary>
    public void End(ChatAnswer answer)
    {
        Show(answer.Text);
        if (answer.Parsed.Thinking is { Length: > 0 } thinking && answerShown.Length == 0)
        {
            EndThinking(thinking);
        }

        if (answer.Parsed.Answer.Length > 0)
        {
            ShowAnswer(answer.Parsed.Answer);
        }
        else
        {
            output.Write("There is no answer.");
        }

        output.WriteLine();
        output.WriteLine();
        string cut = answer.Cut ? "Cut at the limit of tokens. " : "";
        string speed = string.Create(CultureInfo.InvariantCulture, $"{answer.PromptTokens} + {answer.Tokens} tokens, the first after {answer.FirstTokenSeconds:0.0} s")
            + (answer.TokensPerSecond is { } rate ? string.Create(CultureInfo.InvariantCulture, $", then {rate:0.0} per second") : "")
            + (answer.TokensPerPass > 1 ? string.Create(CultureInfo.InvariantCulture, $", {answer.TokensPerPass:0.00} per pass") : "");
        output.WriteLine($"[{speed}] {cut}{Notice}");
        output.Flush();
    }

    /// <summary>The text less a tag that has only begun.</summary>
    private static string Whole(string text)
    {
        int open = text.LastIndexOf('<');
        return open >= 0 && text.IndexOf('>', open) < 0 && text.Length - open < 64 ? text[..open] : text;
    }

    private void ShowThinking(string thinking)
    {
        if (showThinking)
        {
            Append(thinking, ref thinkingShown, "Thinking: ");
        }
        else if (live && answerShown.Length == 0)
        {
            output.Write($"{Erase}Thinking… {Words(thinking)}");
            foldedShown = true;
        }
    }

    private void EndThinking(string thinking)
    {
        if (showThinking)
        {
            Append(thinking, ref thinkingShown, "Thinking: ");
            output.WriteLine();
            return;
        }

        output.WriteLine($"{(foldedShown ? Erase : "")}Thinking: {Words(thinking)}, folded");
    }

    private void ShowAnswer(string answer)
    {
        if (answerShown.Length == 0 && (foldedShown || thinkingShown.Length > 0))
        {
            if (showThinking)
            {
                output.WriteLine();
            }
            else
            {
                output.WriteLine(" (folded)");
            }
        }

        Append(answer, ref answerShown, "Answer: ");
    }

    /// <summary>Writes what has come to a text; one that has changed before its end is written anew.</summary>
    private void Append(string text, ref string shown, string label)
    {
        if (shown.Length > 0 && text.StartsWith(shown, StringComparison.Ordinal))
        {
            output.Write(text[shown.Length..]);
        }
        else if (text != shown)
        {
            output.Write($"{(shown.Length > 0 ? Environment.NewLine : "")}{label}{text}");
        }

        shown = text;
    }

    private static string Words(string text)
    {
        int count = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        return $"{count} {(count == 1 ? "word" : "words")}";
    }
}
