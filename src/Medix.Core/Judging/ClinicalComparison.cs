namespace Medix.Judging;

/// <summary>What two texts differ in, in the order in which it is looked for.</summary>
internal enum Difference
{
    /// <summary>Nothing: they say the same.</summary>
    None,

    /// <summary>There is nothing to compare.</summary>
    Empty,

    /// <summary>Yes against no, or an answer that contradicts itself.</summary>
    Polarity,

    /// <summary>One names alternatives or doubts where the other does not.</summary>
    Alternatives,

    /// <summary>Left, right, both.</summary>
    Side,

    /// <summary>Presence against absence.</summary>
    Negation,

    /// <summary>A number, rank, unit or comparison.</summary>
    Quantity,

    /// <summary>Other words.</summary>
    Words,
}

/// <summary>The outcome of a comparison: what differs first, and a sentence for the record.</summary>
internal readonly record struct Comparison(Difference Difference, string Reason)
{
    /// <summary>Whether the texts say the same.</summary>
    public bool Same => Difference == Difference.None;
}

/// <summary>
/// Decides by rules whether a short answer says the same as the reference. It is strict: what a rule does not show to be equal is different, so
/// a policy gains nothing from naming more than was asked.
/// </summary>
internal sealed class ClinicalComparison(ClinicalLexicon lexicon)
{
    /// <summary>Reads a text for <see cref="Compare"/>; texts that come often are read once.</summary>
    public ClinicalText Read(string text) => ClinicalReader.Read(text, lexicon);

    /// <summary>Compares the answer with the reference; words of the question may be repeated or left out.</summary>
    public static Comparison Compare(ClinicalText question, ClinicalText reference, ClinicalText answer)
    {
        if (answer.IsEmpty || reference.IsEmpty)
        {
            return new(Difference.Empty, $"the {(answer.IsEmpty ? "answer" : "reference")} holds no word or number to compare");
        }

        if (reference.Polarity is bool expected)
        {
            return ComparePolarity(expected, question, answer);
        }

        if (answer.Polarity is bool said && Implied(question, reference) is bool implied)
        {
            return said == implied ? new(Difference.None, "same yes or no") : new(Difference.Polarity, "the opposite of the reference");
        }

        return CompareContent(question, reference, answer);
    }

    /// <summary>
    /// Whether two texts contradict each other in side, negation or number, with all else left aside: the part of a difference that embeddings miss.
    /// </summary>
    public static Difference? Contradiction(ClinicalText reference, ClinicalText answer)
    {
        if (reference.Polarity is bool expected && answer.Polarity is bool said && expected != said)
        {
            return Difference.Polarity;
        }

        string[] sides = answer.Only(IsSide);
        string[] expectedSides = reference.Only(IsSide);
        if (sides.Length > 0 && expectedSides.Length > 0 && !sides.Distinct().Order(StringComparer.Ordinal).SequenceEqual(expectedSides.Distinct()))
        {
            return Difference.Side;
        }

        if (reference.Tokens.Contains(ClinicalText.No) != answer.Tokens.Contains(ClinicalText.No))
        {
            return Difference.Negation;
        }

        string[] numbers = answer.Only(IsQuantity);
        string[] expectedNumbers = reference.Only(IsQuantity);
        bool differ = numbers.Length > 0 && expectedNumbers.Length > 0 && !numbers.SequenceEqual(expectedNumbers);
        return differ ? Difference.Quantity : null;
    }

    private static bool IsSide(string token) => token[0] == '<' && token != ClinicalText.No;

    private static bool IsQuantity(string token) => token[0] == '#';

    private static bool IsNegation(string token) => token == ClinicalText.No;

    private static Comparison ComparePolarity(bool expected, ClinicalText question, ClinicalText answer)
    {
        bool? said = answer.Polarity ?? Implied(question, answer);
        if (said is null)
        {
            return new(Difference.Words, "the answer says neither yes nor no");
        }

        bool contradicts = answer.Alternatives || answer.Tokens.Contains(said.Value ? "no" : "yes") || answer.Tokens.Contains("yes")
            || (answer.Polarity == true && answer.Tokens.Contains(ClinicalText.No) && !question.Tokens.Contains(ClinicalText.No));
        if (contradicts)
        {
            return new(Difference.Polarity, "the answer says yes and no");
        }

        return said == expected ? new(Difference.None, "same yes or no") : new(Difference.Polarity, "the opposite of the reference");
    }

    /// <summary>
    /// The yes or no in a statement: one phrase that repeats the question's words, negated or not. "None" and "absent" alone are no.
    /// </summary>
    private static bool? Implied(ClinicalText question, ClinicalText text)
    {
        if (text.Phrases.Count != 1 || text.Alternatives || question.Tokens.Contains(ClinicalText.No))
        {
            return null;
        }

        bool negated = text.Tokens.Contains(ClinicalText.No);
        string[] content = [.. text.Tokens.Where(token => token != ClinicalText.No)];
        if (content.Length == 0)
        {
            return !negated;
        }

        bool asked = content.All(question.Mentions);
        bool partly = negated && content.Any(question.Mentions) && content.Where(ClinicalText.IsQualifier).All(question.Mentions);
        return asked || partly ? !negated : null;
    }

    private static Comparison CompareContent(ClinicalText question, ClinicalText reference, ClinicalText answer)
    {
        if (answer.Alternatives != reference.Alternatives)
        {
            return new(Difference.Alternatives, answer.Alternatives ? "the answer names alternatives" : "the reference names alternatives");
        }

        if (answer.Polarity == false)
        {
            return new(Difference.Polarity, "the answer says no to a question of another kind");
        }

        if (Qualifiers(question, reference, answer) is { } difference)
        {
            return difference;
        }

        bool same = reference.Ordered || answer.Ordered
            ? reference.Tokens.AsSpan().SequenceEqual(answer.Tokens)
            : reference.SamePhrases(answer) || (MayMix(reference, answer) && reference.Only(Any).AsSpan().SequenceEqual(answer.Only(Any)));
        return same || (reference.Words.Count > 0 && Joined(reference) == Joined(answer))
            ? new(Difference.None, "same words")
            : CompareBeyondQuestion(question, reference, answer);
    }

    /// <summary>All letters in order: compounds are written in one word, with a dash or apart (intra-abdominal, intraabdominal).</summary>
    private static string Joined(ClinicalText text) => string.Concat(text.Words);

    private static Comparison? Qualifiers(ClinicalText question, ClinicalText reference, ClinicalText answer)
    {
        if (Differs(IsSide, question, reference, answer))
        {
            return new(Difference.Side, Text("sides", reference.Only(IsSide), answer.Only(IsSide)));
        }

        if (reference.Tokens.Count(IsNegation) != answer.Tokens.Count(IsNegation))
        {
            return new(Difference.Negation, "one is negated, the other is not");
        }

        return Differs(IsQuantity, question, reference, answer)
            ? new(Difference.Quantity, Text("numbers or units", reference.Only(IsQuantity), answer.Only(IsQuantity)))
            : null;
    }

    /// <summary>Whether tokens of a kind differ; one side may leave out or repeat what the question says, when the other names none of the kind.</summary>
    private static bool Differs(Func<string, bool> kind, ClinicalText question, ClinicalText reference, ClinicalText answer)
    {
        if (!reference.Tokens.Any(kind) && !answer.Tokens.Any(kind))
        {
            return false;
        }

        string[] expected = reference.Only(kind);
        string[] found = answer.Only(kind);
        bool oneSided = expected.Length == 0 || found.Length == 0;
        bool asked = oneSided && !question.Alternatives && expected.Concat(found).All(question.Mentions);
        return !asked && !expected.AsSpan().SequenceEqual(found);
    }

    /// <summary>Phrases may be merged where no side, negation or number could move from one to another.</summary>
    private static bool MayMix(ClinicalText reference, ClinicalText answer) =>
        (reference.Phrases.Count <= 1 && answer.Phrases.Count <= 1) || !reference.Tokens.Concat(answer.Tokens).Any(ClinicalText.IsQualifier);

    private static bool Any(string token) => token.Length > 0;

    /// <summary>Sets aside the question's words that only one side has; what is left must agree and must hold something that was not asked.</summary>
    private static Comparison CompareBeyondQuestion(ClinicalText question, ClinicalText reference, ClinicalText answer)
    {
        bool free = !question.Alternatives && !reference.Ordered && !answer.Ordered
            && reference.Phrases.Count == answer.Phrases.Count && MayMix(reference, answer);
        string[] missing = Beyond(reference.Tokens, answer.Tokens);
        string[] extra = Beyond(answer.Tokens, reference.Tokens);
        bool asked = free && missing.Concat(extra).All(token => question.Mentions(token) && !IsNegation(token));
        if (asked && reference.Tokens.Any(token => answer.Tokens.Contains(token) && !question.Mentions(token)))
        {
            return new(Difference.None, "same words but for those of the question");
        }

        return new(Difference.Words, Text("words", missing, extra));
    }

    /// <summary>The tokens of <paramref name="tokens"/> that <paramref name="others"/> lacks, as multisets.</summary>
    private static string[] Beyond(string[] tokens, string[] others)
    {
        List<string> rest = [.. others];
        return [.. tokens.Where(token => !rest.Remove(token))];
    }

    private static string Text(string what, string[] expected, string[] found)
    {
        const int shown = 6;
        static string List(string[] tokens) =>
            tokens.Length == 0 ? "nothing" : string.Join(", ", tokens.Take(shown).Select(token => token.Trim('<', '>', '#', '=')));
        return $"{what} differ: expected {List(expected)}; found {List(found)}";
    }
}
