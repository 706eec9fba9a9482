using Medix.Data;
using Medix.Data.Phantoms;

namespace Medix.Core.Tests.Phantoms;

public sealed class PhantomLanguageTests
{
    private static readonly PhantomText[] Texts =
        [.. Enumerable.Range(0, 20_000).Select(index => PhantomGenerator.Describe(21, index, new PhantomOptions()))];

    [Fact]
    public void Answers_are_the_documented_ones_and_short()
    {
        HashSet<string> documented = [.. PhantomVocabulary.Answers];
        Assert.All(Texts, text => Assert.Contains(text.Answer, documented));
        Assert.All(documented, answer => Assert.InRange(PhantomVocabulary.SplitWords(answer).Count, 1, 6));
    }

    [Fact]
    public void Words_are_the_documented_ones_and_few()
    {
        HashSet<string> documented = [.. PhantomVocabulary.Words];
        HashSet<string> used = [.. Texts.SelectMany(text => PhantomVocabulary.SplitWords($"{text.Question} {text.Answer} {text.Reasoning}"))];
        Assert.Empty(used.Except(documented));
        Assert.InRange(documented.Count, 100, 300);
    }

    [Fact]
    public void Texts_have_no_open_place_and_no_double_space()
    {
        Assert.All(Texts, text =>
        {
            string all = $"{text.Question}|{text.Answer}|{text.Reasoning}|";
            Assert.DoesNotContain("{", all, StringComparison.Ordinal);
            Assert.DoesNotContain("  ", all, StringComparison.Ordinal);
            Assert.DoesNotMatch(@"\ba [aeiou]", all);
            Assert.DoesNotMatch(@"\ban [^aeiou]", all);
        });
    }

    [Fact]
    public void The_reasoning_is_one_sentence_that_holds_the_answer()
    {
        Assert.All(Texts, text =>
        {
            Assert.InRange(PhantomVocabulary.SplitWords(text.Reasoning).Count, 7, 22);
            Assert.EndsWith(".", text.Reasoning, StringComparison.Ordinal);
            string said = text.Answer.Replace("yes, ", "", StringComparison.Ordinal);
            IReadOnlyList<string> words = PhantomVocabulary.SplitWords(text.Reasoning);
            Assert.All(PhantomVocabulary.SplitWords(said).Except(["a", "an"]), word => Assert.Contains(word, words));
        });
    }

    [Fact]
    public void The_reasoning_denies_exactly_what_the_answer_denies()
    {
        foreach (PhantomText text in Texts.Where(text => text.Kind is QuestionKind.What or QuestionKind.Presence))
        {
            bool denied = text.Answer.StartsWith("no ", StringComparison.Ordinal);
            Assert.Equal(denied, text.Reasoning.Contains(text.Answer, StringComparison.Ordinal) && denied);
            Assert.Equal(denied, text.Reasoning.Contains(" no ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_kind_is_asked_in_several_ways_in_every_modality()
    {
        foreach (IGrouping<(string, QuestionKind), PhantomText> group in Texts.GroupBy(text => (text.Modality, text.Kind)))
        {
            Assert.True(group.Select(text => text.Question).Distinct().Count() >= 4, group.Key.ToString());
        }
    }

    [Fact]
    public void The_findings_agree_with_the_answer()
    {
        for (int index = 0; index < 640; index++)
        {
            PhantomExample example = PhantomGenerator.Create(22, index, new PhantomOptions(64));
            PhantomFinding? first = example.Findings.Count == 0 ? null : example.Findings[0];
            Assert.All(example.Findings, finding => Assert.Equal((first!.Name, first.Size), (finding.Name, finding.Size)));
            string expected = example.Kind switch
            {
                QuestionKind.What => first?.Name ?? "no abnormality",
                QuestionKind.Presence when first is null => example.Answer.StartsWith("no ", StringComparison.Ordinal) ? example.Answer : "a denial",
                QuestionKind.Presence => example.Question.Contains(first!.Name, StringComparison.Ordinal) ? $"yes, {example.Answer[5..]}" : example.Answer,
                QuestionKind.Where => first!.Region,
                QuestionKind.HowMany => new[] { "none", "one", "two", "three", "four" }[example.Findings.Count],
                QuestionKind.Side => example.Laterality ?? first!.Side!,
                QuestionKind.Size => first!.Size!,
                _ => "",
            };
            Assert.Equal(expected, example.Answer);
            Assert.Contains(example.Modality, Modalities.All);
        }
    }
}
