using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;

namespace Medix.Inference.Tests;

public class ConstraintRegexTests
{
    private static readonly string[] Atoms =
        ["a", "b", "ab", "é", "漢", "😀", ".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "[a-f]", "[^a-c]", "[é-ü1]", "[\\w-]", "\\.", "\\x41", "\\u00e9", "[^\\d\\n]", "{", "-"];

    private static readonly string[] Letters = ["a", "b", "c", "A", "1", " ", ".", "é", "漢", "\n", "_", "-", "{"];

    private static readonly string[] Quantifiers = ["*", "+", "?", "{2}", "{1,3}", "{0,2}?", "{2,}", "*?"];

    [Fact]
    public void Every_text_drawn_under_a_pattern_matches_it()
    {
        int judged = 0;
        Gen.ULong.Sample(
            seed =>
            {
                string pattern = Pattern(Seed.Random(seed), 3);
                OutputConstraint constraint = OutputConstraint.Regex(pattern);
                Regex expected = Reference(pattern);
                for (ulong draw = 0; draw < 2; draw++)
                {
                    if (ConstraintCases.Draw(constraint, seed + draw, 4, 150) is { } text)
                    {
                        bool? matches = Matches(expected, Flat(text));
                        Interlocked.Add(ref judged, matches is null ? 0 : 1);
                        Assert.True(matches is not false, $"{pattern} does not match '{text}'");
                        Assert.True(constraint.Accepts(text));
                    }
                }
            },
            iter: 200);
        Assert.True(judged > 200, $"{judged} texts were judged");
    }

    [Fact]
    public void The_set_is_the_one_that_the_other_engine_accepts()
    {
        int accepted = 0, refused = 0;
        Gen.ULong.Sample(
            seed =>
            {
                SeededRandom random = Seed.Random(seed);
                string pattern = Pattern(random, 2);
                OutputConstraint constraint = OutputConstraint.Regex(pattern);
                Regex expected = Reference(pattern);
                for (int i = 0; i < 40; i++)
                {
                    string text = string.Concat(Enumerable.Range(0, random.NextInt(6)).Select(_ => Pick(random, Letters)));
                    bool matches = expected.IsMatch(Flat(text));
                    Interlocked.Increment(ref matches ? ref accepted : ref refused);
                    Assert.True(matches == constraint.Accepts(text), $"{pattern} and '{text}'");
                }
            },
            iter: 500);
        Assert.True(accepted > 500 && refused > 500);
    }

    [Fact]
    public void A_mask_holds_exactly_the_tokens_that_can_go_on() => Gen.ULong.Sample(
        seed =>
        {
            SeededRandom random = Seed.Random(seed);
            OutputConstraint constraint = OutputConstraint.Regex(Pattern(random, 3));
            ConstraintState state = constraint.Start(ConstraintCases.Vocabulary);
            List<byte> text = [];
            for (int i = 0; i < 6; i++)
            {
                int[] allowed = [.. Enumerable.Range(0, ConstraintCases.Size).Where(id => IsSet(state.Allowed, id))];
                int[] expected = [.. Enumerable.Range(0, ConstraintCases.Size).Where(id => Continues(constraint, [.. text], ConstraintCases.Vocabulary[id]))];
                Assert.Equal(expected, allowed);
                if (allowed.Length == 0)
                {
                    break;
                }

                int token = allowed[random.NextInt(allowed.Length)];
                text.AddRange(ConstraintCases.Vocabulary[token]);
                state.Accept(token);
            }
        },
        iter: 20);

    [Theory]
    [InlineData("[", "not closed")]
    [InlineData("(a", "not closed")]
    [InlineData("a)", "')' is not expected")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData("a**", "repetition of a repetition")]
    [InlineData("a++", "repetition of a repetition")]
    [InlineData("a{3,2}", "at least 3")]
    [InlineData("a{99999}", "99999")]
    [InlineData("(?=a)", "only '(?:'")]
    [InlineData("(?<!a)", "only '(?:'")]
    [InlineData("(?i)a", "only '(?:'")]
    [InlineData("(a)\\1", "'\\1'")]
    [InlineData("\\bword", "'\\b'")]
    [InlineData("\\p{L}", "'\\p'")]
    [InlineData("[b-a]", "later one")]
    [InlineData("[a-z-[aeiou]]", "subtraction")]
    [InlineData("[]a]", "begins with ']'")]
    [InlineData("\\uD800", "surrogate")]
    [InlineData("\\x4", "hexadecimal")]
    [InlineData("a\\", "ends within an escape")]
    [InlineData("a^b", "'^'")]
    [InlineData("(a$)b", "'$'")]
    [InlineData("[^\\d\\D]", "no character")]
    public void What_is_not_supported_is_named(string pattern, string named)
    {
        MedixException e = Assert.Throws<MedixException>(() => OutputConstraint.Regex(pattern));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.Contains(pattern, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bombs_are_refused()
    {
        string alternatives = string.Join('|', Enumerable.Repeat("abcdefghij", 900));
        string deep = new string('(', 5000) + new string(')', 5000);
        foreach (string bomb in (string[])["((((a{100}){100}b){9999}c){9999}d){9999}", $"(?:{alternatives}){{9999}}", deep, new string('a', 20_000)])
        {
            // Rules keep nested counts small: what is accepted must be usable.
            try
            {
                ConstraintState state = OutputConstraint.Regex(bomb).Start(ConstraintCases.Vocabulary);
                Assert.True(IsSet(state.Allowed, ConstraintCases.FirstByte + 'a'));
            }
            catch (MedixException e)
            {
                Assert.Matches("[0-9]{3}", e.Message);
            }
        }

        Assert.Throws<MedixException>(() => OutputConstraint.Regex(deep));
        Assert.Contains("100000 automaton nodes", Assert.Throws<MedixException>(() => OutputConstraint.Regex(Nodes())).Message, StringComparison.Ordinal);
        ConstraintState ambiguous = OutputConstraint.Regex("(?:.?.?.?){9000}").Start(ConstraintCases.Vocabulary);
        MedixException tooMuch = Assert.Throws<MedixException>(() => ambiguous.Allowed.Length);
        Assert.Contains("ambiguous", tooMuch.Message, StringComparison.Ordinal);

        static string Nodes() => string.Concat(Enumerable.Range(0, 12).Select(i => $"{(char)('a' + i)}{{9000}}"));
    }

    private static bool IsSet(ReadOnlySpan<ulong> mask, int id) => id >> 6 < mask.Length && (mask[id >> 6] >> (id & 63) & 1) != 0;

    private static bool Continues(OutputConstraint constraint, byte[] text, ReadOnlySpan<byte> token)
    {
        if (token.Length == 0)
        {
            return false;
        }

        // A vocabulary of one token knows nothing of the shared tree.
        TokenVocabulary one = new([text, token.ToArray()]);
        ConstraintState state = constraint.Start(one);
        state.Accept(0);
        return IsSet(state.Allowed, 1);
    }

    private static string Pattern(SeededRandom random, int depth)
    {
        StringBuilder pattern = new();
        for (int parts = 1 + random.NextInt(3); parts > 0; parts--)
        {
            bool group = depth > 0 && random.NextInt(3) == 0;
            string atom = group ? $"{Pick(random, ["(", "(?:", "(?<n>"])}{Pattern(random, depth - 1)})" : Pick(random, Atoms);
            pattern.Append(atom.Length > 1 && !group && !atom.StartsWith('\\') && !atom.StartsWith('[') ? $"(?:{atom})" : atom);
            pattern.Append(random.NextInt(3) == 0 ? Pick(random, Quantifiers) : "");
            pattern.Append(parts > 1 && random.NextInt(5) == 0 ? "|" : "");
        }

        return pattern.ToString();
    }

    private static string Pick(SeededRandom random, string[] from) => from[random.NextInt(from.Length)];

    private static Regex Reference(string pattern) =>
        new($"^(?:{Flat(pattern)})\\z", RegexOptions.ECMAScript | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    /// <summary>Null where the other engine, which tries one way after the other, would take for ever: repetitions within repetitions have too many.</summary>
    private static bool? Matches(Regex regex, string text)
    {
        try
        {
            return regex.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return null;
        }
    }

    /// <summary>The other engine takes UTF-16 units for characters: one unit for each character beyond the first plane.</summary>
    private static string Flat(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp
        ? rune.ToString()
        : ((char)(0xE000 + (rune.Value % 0x1000))).ToString(CultureInfo.InvariantCulture)));
}
