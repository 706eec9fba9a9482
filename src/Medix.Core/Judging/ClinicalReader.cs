namespace Medix.Judging;

/// <summary>Reads one text into <see cref="ClinicalText"/>: lexemes to tokens, tokens to phrases. One use per text.</summary>
internal sealed class ClinicalReader
{
    private readonly ClinicalLexicon _lexicon;
    private readonly List<Lexeme> _lexemes;
    private readonly List<List<string>> _phrases = [];
    private readonly List<string> _fillers = [];
    private readonly List<string> _words = [];
    private List<string> _phrase = [];
    private bool _alternatives;
    private bool _ordered;
    private bool _joined;

    private ClinicalReader(string text, ClinicalLexicon lexicon)
    {
        _lexicon = lexicon;
        _lexemes = ClinicalLexer.Split(text);
    }

    /// <summary>Reads a text.</summary>
    public static ClinicalText Read(string text, ClinicalLexicon lexicon) => new ClinicalReader(text, lexicon).Run();

    private ClinicalText Run()
    {
        int at = 0;
        bool? polarity = ReadPolarity(ref at);
        while (at < _lexemes.Count)
        {
            int taken = ReadQuantity(at);
            at += taken > 0 ? taken : ReadOther(at);
        }

        EndPhrase();
        if (_phrases.Count == 0 && _fillers.Count > 0 && polarity is null)
        {
            _phrases.Add(_fillers);
        }

        return new ClinicalText(polarity, _phrases, _words) { Alternatives = _alternatives, Ordered = _ordered };
    }

    /// <summary>Yes, or no where it stands alone: "no effusion" negates, "no, the lungs are clear" answers.</summary>
    private bool? ReadPolarity(ref int at)
    {
        if (_lexemes.Count == 0)
        {
            return null;
        }

        bool alone = _lexemes.Count == 1 || _lexemes[1].Kind == LexemeKind.Break;
        bool? polarity = _lexemes[0].Text switch
        {
            "yes" or "yeah" or "yep" => true,
            "true" or "correct" when alone => true,
            "no" or "nope" or "false" or "incorrect" when alone => false,
            "no" when _lexemes[1].Text is "there" or "it" or "this" or "they" or "the" => false,
            _ => null,
        };
        at = polarity is null ? 0 : 1;
        return polarity;
    }

    /// <summary>A number with what belongs to it: comparison before, ratio or range after, unit; several numbers joined share the last one's unit.</summary>
    private int ReadQuantity(int start)
    {
        int at = start;
        string comparison = ReadComparison(ref at);
        List<double> values = [];
        int taken;
        while (at < _lexemes.Count && (taken = Quantities.ReadCardinal(_lexemes, at, out double value)) > 0)
        {
            values.Add(value);
            at += taken;
            int unit = Quantities.ReadUnit(_lexemes, at, out string dimension, out double size);
            bool ratio = unit == 0 && IsText(at, ":", "/") && IsNumber(at + 1);
            if (unit > 0 || ratio || !IsText(at, "-", "x", "by", "to") || !IsNumber(at + 1))
            {
                at += unit;
                if (ratio)
                {
                    return AddRatio(values[^1], at) - start;
                }

                values.ForEach(v => Add(comparison + Quantities.Format(v * size, dimension)));
                bool times = unit > 0 && IsText(at, "x", "by") && IsNumber(at + 1);
                return at - start + (times ? 1 : 0);
            }

            at++;
        }

        if (start < _lexemes.Count && Quantities.ReadOrdinal(_lexemes[start]) is int rank)
        {
            Add(Quantities.Format(rank, "th"));
            return 1;
        }

        return 0;
    }

    private int AddRatio(double first, int at)
    {
        string ratio = Quantities.Format(first, "") + _lexemes[at].Text + Quantities.Format(_lexemes[at + 1].Value, "");
        int unit = Quantities.ReadUnit(_lexemes, at + 2, out string dimension, out _);
        Add(ratio + dimension);
        return at + 2 + unit;
    }

    /// <summary>A comparison before a number as <c>#&gt;</c>; leaves <paramref name="at"/> alone when there is none.</summary>
    private string ReadComparison(ref int at)
    {
        string sign = _lexemes[at].Text switch
        {
            "<" or ">" or "<=" or ">=" => _lexemes[at].Text,
            "more" or "greater" or "larger" or "bigger" when IsText(at + 1, "than") => "> ",
            "less" or "smaller" or "fewer" when IsText(at + 1, "than") => "< ",
            "at" when IsText(at + 1, "least") => ">= ",
            "at" when IsText(at + 1, "most") => "<= ",
            _ => "",
        };
        int next = at + (sign.EndsWith(' ') ? 2 : 1);
        if (sign.Length == 0 || next >= _lexemes.Count || Quantities.ReadCardinal(_lexemes, next, out _) == 0)
        {
            return "";
        }

        at = next;
        return "#" + sign.Trim();
    }

    private int ReadOther(int at)
    {
        Lexeme lexeme = _lexemes[at];
        if (lexeme.Kind == LexemeKind.Break)
        {
            EndPhrase();
            return 1;
        }

        if (lexeme.Kind != LexemeKind.Word)
        {
            return 1;
        }

        if (lexeme.Text == "non" && at + 1 < _lexemes.Count && _lexemes[at + 1].Kind == LexemeKind.Word)
        {
            string word = "non" + _lexemes[at + 1].Text;
            Add(_lexicon.Canonical(word), Spelling.Stem(word));
            return 2;
        }

        if (lexeme.Text == "a" && (at + 1 == _lexemes.Count || _lexemes[at + 1].Kind == LexemeKind.Break))
        {
            // A last "a" is a name (hepatitis A), not an article.
            Add(lexeme.Text);
            return 1;
        }

        foreach (string part in _lexicon.Expand(lexeme.Text) ?? [lexeme.Text])
        {
            AddWord(part);
        }

        return 1;
    }

    private void AddWord(string word)
    {
        switch (_lexicon.Role(word))
        {
            case WordRole.Filler:
                _fillers.Add(word);
                break;
            case WordRole.Negation:
                Negate(word);
                break;
            case WordRole.Left:
                AddSide(ClinicalText.Left, ClinicalText.Right);
                break;
            case WordRole.Right:
                AddSide(ClinicalText.Right, ClinicalText.Left);
                break;
            case WordRole.Both:
                Add(ClinicalText.Both);
                break;
            case WordRole.And:
                EndPhrase();
                _joined = true;
                break;
            case WordRole.Or:
                // "Maybe" may be all there is.
                _fillers.Add(word);
                Alternative();
                break;
            case WordRole.Ordered:
                _ordered = true;
                Add(word);
                break;
            default:
                Add(_lexicon.Canonical(word), Spelling.Stem(word));
                break;
        }
    }

    private void Negate(string word)
    {
        if (word == "nor")
        {
            EndPhrase();
        }

        if (!_phrase.Contains(ClinicalText.No))
        {
            Add(ClinicalText.No);
        }
    }

    /// <summary>"No A or B" denies both; any other "or" leaves the answer open.</summary>
    private void Alternative()
    {
        bool negated = _phrase.Contains(ClinicalText.No);
        EndPhrase();
        if (negated)
        {
            Add(ClinicalText.No);
        }
        else
        {
            _alternatives = true;
        }
    }

    /// <summary>"Left and right" is both.</summary>
    private void AddSide(string side, string opposite)
    {
        if (_phrase.Count == 0 && _joined && _phrases.Count > 0 && _phrases[^1] is [var only] && only == opposite)
        {
            _phrase = _phrases[^1];
            _phrases.RemoveAt(_phrases.Count - 1);
            _phrase[0] = ClinicalText.Both;
            return;
        }

        Add(side);
    }

    private void Add(string token, string? word = null)
    {
        _words.Add(word ?? token);
        _phrase.Add(token);
    }

    private void EndPhrase()
    {
        if (_phrase.Count == 0)
        {
            return;
        }

        bool inverted = !_joined && _phrase is [ClinicalText.Left or ClinicalText.Right or ClinicalText.Both] && _phrases.Count > 0;
        if (inverted)
        {
            // "Kidney, left" is one phrase.
            _phrases[^1].AddRange(_phrase);
        }
        else
        {
            _lexicon.ReplacePhrases(_phrase);
            _phrases.Add(_phrase);
        }

        _phrase = [];
        _joined = false;
    }

    private bool IsText(int at, params ReadOnlySpan<string> texts) => at < _lexemes.Count && texts.Contains(_lexemes[at].Text);

    private bool IsNumber(int at) => at < _lexemes.Count && _lexemes[at].Kind == LexemeKind.Number;
}
