using System.Text;

namespace Medix.Text;

/// <summary>Where the graded text of a response was found.</summary>
public enum AnswerSource
{
    /// <summary>A closed answer block outside thinking: the last one.</summary>
    Tagged,

    /// <summary>An answer block that never closes (a response cut short): from its tag to the end or to the next block.</summary>
    Unclosed,

    /// <summary>No answer tag outside thinking: all text outside thinking, less a leading modality tag. It may be empty.</summary>
    Untagged,
}

/// <summary>
/// A response taken apart. <paramref name="Modality"/> is the leading tag's name in upper case without brackets, whatever name it is, or null when the
/// text before the first block is anything but one tag. <paramref name="Thinking"/> is the text of the last thinking block, or null.
/// <paramref name="Answer"/> is the graded text, trimmed. <paramref name="WellFormed"/> is the format rule: at most one modality tag, then exactly
/// one thinking block and one non-empty answer block, spelled exactly <c>&lt;thinking&gt;</c> and <c>&lt;answer&gt;</c>, with only white space around.
/// </summary>
public sealed record ParsedResponse(string? Modality, string? Thinking, string Answer, AnswerSource Source, bool WellFormed);

/// <summary>
/// Takes a model's response apart in one pass over its tags, in time linear in its length.
/// <para>
/// The graded text is the last closed answer block outside thinking, so that nothing planted in the reasoning or before it counts. Tags are found in any
/// case and with blanks inside them, and <c>&lt;think&gt;</c> counts as thinking, so that a right answer in a sloppy frame is still read; only the exact
/// spelling is well-formed. A thinking block that never closes hides everything after it; a closing thinking tag without an opening one hides everything
/// before it (chat templates may open the block in the prompt).
/// </para>
/// </summary>
public static class ResponseParser
{
    private const int LongestTag = 64;

    /// <summary>Takes one response apart; never throws.</summary>
    public static ParsedResponse Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Scan scan = new(text);
        foreach (Tag tag in TagsOf(text))
        {
            scan.Take(tag);
        }

        return scan.Finish();
    }

    private static List<Tag> TagsOf(string text)
    {
        List<Tag> tags = [];
        for (int open = text.IndexOf('<'); open >= 0; open = text.IndexOf('<', open + 1))
        {
            ReadOnlySpan<char> window = text.AsSpan(open + 1, Math.Min(LongestTag, text.Length - open - 1));
            int close = window.IndexOfAny('>', '<');
            if (close >= 0 && window[close] == '>' && TryRead(window[..close], out TagKind kind, out bool exact))
            {
                tags.Add(new Tag(kind, open, open + close + 2, exact));
            }
        }

        return tags;
    }

    private static bool TryRead(ReadOnlySpan<char> inner, out TagKind kind, out bool exact)
    {
        ReadOnlySpan<char> name = inner.Trim();
        bool closing = name.StartsWith('/');
        name = closing ? name[1..].TrimStart() : name;
        bool thinking = name.Equals("thinking", StringComparison.OrdinalIgnoreCase) || name.Equals("think", StringComparison.OrdinalIgnoreCase);
        bool answer = name.Equals("answer", StringComparison.OrdinalIgnoreCase);
        exact = inner is "thinking" or "/thinking" or "answer" or "/answer";
        kind = thinking ? (closing ? TagKind.CloseThinking : TagKind.OpenThinking) : (closing ? TagKind.CloseAnswer : TagKind.OpenAnswer);
        return thinking || answer;
    }

    /// <summary>The name in <c>&lt;NAME&gt;</c> at the start of the text, in upper case, and where the tag ends; null when there is none.</summary>
    private static string? LeadingTag(ReadOnlySpan<char> text, out int end)
    {
        int start = text.Length - text.TrimStart().Length;
        ReadOnlySpan<char> rest = text.Slice(start, Math.Min(LongestTag, text.Length - start));
        int close = rest.IndexOf('>');
        end = 0;
        if (close < 2 || rest[0] != '<')
        {
            return null;
        }

        ReadOnlySpan<char> name = rest[1..close].Trim();
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return null;
            }
        }

        end = start + close + 1;
        return name.IsEmpty ? null : name.ToString().ToUpperInvariant();
    }

    private enum TagKind
    {
        OpenThinking,
        CloseThinking,
        OpenAnswer,
        CloseAnswer,
    }

    private readonly record struct Tag(TagKind Kind, int Start, int End, bool Exact);

    private enum Place
    {
        Outside,
        Thinking,
        Answer,
    }

    /// <summary>
    /// The state between tags: where we are, what was found, and whether the exact layout still holds. Only ranges, so that no text is copied twice.
    /// </summary>
    private sealed class Scan(string text)
    {
        private readonly List<Range> _outside = [];
        private Place _place = Place.Outside;
        private int _start;
        private int _tags;
        private int _head = -1;
        private bool _exact = true;
        private Range? _thinking;
        private Range? _closed;
        private Range? _unclosed;

        public void Take(Tag tag)
        {
            _head = _head < 0 ? tag.Start : _head;
            _exact &= tag.Exact && InLayout(tag);
            _tags++;
            if (_place == Place.Thinking && tag.Kind != TagKind.CloseThinking)
            {
                // Tags within thinking are its text.
                return;
            }

            Range before = _start..tag.Start;
            switch (tag.Kind)
            {
                case TagKind.CloseThinking:
                    CloseThinking(before);
                    break;
                case TagKind.CloseAnswer when _place == Place.Answer:
                    _closed = before;
                    _place = Place.Outside;
                    break;
                case TagKind.CloseAnswer:
                    Leave(before, Place.Outside);
                    break;
                default:
                    Leave(before, tag.Kind == TagKind.OpenThinking ? Place.Thinking : Place.Answer);
                    break;
            }

            _start = tag.End;
        }

        public ParsedResponse Finish()
        {
            bool blocks = _tags == 4 && text.AsSpan(_start).IsWhiteSpace();
            Leave(_start..text.Length, Place.Outside);

            ReadOnlySpan<char> head = _head < 0 ? text : text.AsSpan(0, _head);
            string? modality = LeadingTag(head, out int end);
            ReadOnlySpan<char> afterTag = head[end..].TrimStart();
            bool single = _head < 0 ? !afterTag.StartsWith('<') : afterTag.IsEmpty;

            string answer = Graded(out AnswerSource source);
            bool wellFormed = _exact && blocks && single && answer.Length > 0;
            string? thinking = _thinking is { } range ? Slice(range).ToString() : null;
            return new ParsedResponse(single ? modality : null, thinking, answer, source, wellFormed);
        }

        /// <summary>Whether this tag is the next of the four of the layout, with only white space between the blocks.</summary>
        private bool InLayout(Tag tag) => _tags switch
        {
            0 => tag.Kind == TagKind.OpenThinking,
            1 => tag.Kind == TagKind.CloseThinking,
            2 => tag.Kind == TagKind.OpenAnswer && text.AsSpan(_start, tag.Start - _start).IsWhiteSpace(),
            3 => tag.Kind == TagKind.CloseAnswer,
            _ => false,
        };

        private void CloseThinking(Range before)
        {
            bool opened = _place == Place.Thinking;
            _thinking = opened ? before : 0..before.End.Value;
            if (!opened)
            {
                // Its opening tag is missing: all that came before was thinking.
                _closed = _unclosed = null;
                _outside.Clear();
            }

            _place = Place.Outside;
        }

        /// <summary>Ends a stretch of text that no closing tag ended, and goes on elsewhere.</summary>
        private void Leave(Range stretch, Place next)
        {
            switch (_place)
            {
                case Place.Outside:
                    _outside.Add(stretch);
                    break;
                case Place.Answer:
                    _unclosed = stretch;
                    break;
                default:
                    _thinking = stretch;
                    break;
            }

            _place = next;
        }

        private string Graded(out AnswerSource source)
        {
            source = _closed is not null ? AnswerSource.Tagged : _unclosed is not null ? AnswerSource.Unclosed : AnswerSource.Untagged;
            if (source != AnswerSource.Untagged)
            {
                return Slice((_closed ?? _unclosed)!.Value).ToString();
            }

            StringBuilder outside = new();
            foreach (Range range in _outside)
            {
                outside.Append(Slice(range)).Append(' ');
            }

            string whole = outside.ToString();
            LeadingTag(whole, out int end);
            return whole.AsSpan(end).Trim().ToString();
        }

        private ReadOnlySpan<char> Slice(Range range) => text.AsSpan(range).Trim();
    }
}
