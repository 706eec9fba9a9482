using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>
/// Questions, answers and reasoning sentences of a plan, from a few templates: <c>{x}</c> stands for the finding asked for,
/// <c>{xs}</c> for its plural, <c>{an x}</c> for it with its article.
/// </summary>
internal static class PhantomLanguage
{
    private const string NoAbnormality = "no abnormality";

    private static readonly string[] Places = ["{an x}", "{xs}", "{x}", "{view}", "{what}"];

    private static readonly string[] Numbers = ["no", "one", "two", "three", "four"];

    private static readonly Dictionary<QuestionKind, string[]> Questions = new()
    {
        [QuestionKind.What] =
        [
            "What does this image show?", "Which finding is seen in this image?", "What is the main finding?", "Which abnormality is seen here?",
        ],
        [QuestionKind.Presence] =
        [
            "Is there {an x}?", "Does this image show {an x}?", "Can {an x} be seen here?", "Is {an x} seen in this image?",
        ],
        [QuestionKind.Where] =
        [
            "Where is the {x}?", "In which region is the {x} seen?", "Where is the main finding?", "Which region shows the {x}?",
        ],
        [QuestionKind.HowMany] =
        [
            "How many {xs} are there?", "How many {xs} are seen?", "What is the number of {xs}?", "How many {xs} does this image show?",
        ],
        [QuestionKind.Size] =
        [
            "How large is the {x}?", "What is the size of the {x}?", "How large is the main finding?", "Which size is the {x}?",
        ],
    };

    private static readonly Dictionary<SideRule, string[]> SideQuestions = new()
    {
        [SideRule.Patient] =
        [
            "Which side of the patient shows the {x}?", "Is the {x} on the left or right?", "On which side is the {x}?", "Which side is the {x} on?",
        ],
        [SideRule.Image] =
        [
            "Which side of the image shows the {x}?", "Is the {x} on the left or right?", "On which side is the {x}?", "Which side is the {x} on?",
        ],
        [SideRule.Eye] = ["Which eye is this?", "Which eye is seen in this image?", "Is this the left or right eye?", "Which eye does this image show?"],
        [SideRule.Breast] =
        [
            "Which breast is this?", "Which breast is seen in this image?", "Is this the left or right breast?", "Which breast does this image show?",
        ],
    };

    private static readonly string[] Sentences = ["The {view} shows {what}.", "There is {what} on this {view}."];

    /// <summary>All words of a plan; the wording is drawn, the content is not.</summary>
    public static PhantomText Describe(PhantomPlan plan, SeededRandom random)
    {
        string[] questions = plan.Kind == QuestionKind.Side ? SideQuestions[plan.Spec.Sides] : Questions[plan.Kind];
        string question = FillIn(random.Pick(questions), plan.Asked);
        string view = plan.Spec.View + Laterality(plan) switch { null => "", string shown => $" of the {shown}" };
        string sentence = Sentences[plan.Marks.Count > 1 ? 0 : random.NextInt(Sentences.Length)];
        string reasoning = sentence.Replace("{view}", view, StringComparison.Ordinal).Replace("{what}", Content(plan), StringComparison.Ordinal);
        return new PhantomText(plan.Spec.Tag, question, Answer(plan), reasoning, plan.Kind);
    }

    /// <summary><c>left eye</c>, <c>right breast</c>, or null.</summary>
    public static string? Laterality(PhantomPlan plan) => plan.Shown == Side.None
        ? null
        : $"{Word(plan.Shown)} {(plan.Spec.Sides == SideRule.Eye ? "eye" : "breast")}";

    /// <summary><c>left</c>, <c>right</c> or null.</summary>
    public static string? Word(Side side) => side switch { Side.Left => "left", Side.Right => "right", _ => null };

    /// <summary>The size of a mark as an answer gives it, or null.</summary>
    public static string? SizeOf(PhantomSpec spec, Mark mark) => mark.Type.Sizable ? spec.Sizes[mark.SizeClass] : null;

    /// <summary>Every answer a modality can give.</summary>
    public static IEnumerable<string> AnswersOf(PhantomSpec spec)
    {
        IEnumerable<string> named = spec.Types.SelectMany(type => (string[])[type.Name, $"yes, {WithArticle(type)}", $"no {type.Name}"]);
        IEnumerable<string> regions = spec.Types.SelectMany(type => type.Sites).Select(site => site.Region);
        string[] sides = spec.Sides switch
        {
            SideRule.Eye => ["left eye", "right eye"],
            SideRule.Breast => ["left breast", "right breast"],
            _ => ["left", "right"],
        };
        return [NoAbnormality, .. named, .. regions, .. Numbers.Skip(1), .. sides, .. spec.Types.Any(type => type.Sizable) ? spec.Sizes : []];
    }

    /// <summary>All of a modality's words that fill templates.</summary>
    public static IEnumerable<string> PhrasesOf(PhantomSpec spec) =>
        [.. AnswersOf(spec), spec.View, spec.Normal, spec.Whole, spec.Preposition, .. spec.Types.Select(type => type.Plural ?? type.Name)];

    /// <summary>All templates, their places blank.</summary>
    public static IEnumerable<string> Templates => Questions.Values.Concat(SideQuestions.Values).SelectMany(list => list)
        .Concat([.. Sentences, "a an and but no of the on the left side"])
        .Select(template => Places.Aggregate(template, (text, place) => text.Replace(place, " ", StringComparison.Ordinal)));

    private static string Answer(PhantomPlan plan) => plan.Kind switch
    {
        QuestionKind.What => plan.Marks.Count == 0 ? NoAbnormality : plan.Marks[0].Type.Name,
        QuestionKind.Presence => IsPresent(plan) ? $"yes, {WithArticle(plan.Asked)}" : $"no {plan.Asked.Name}",
        QuestionKind.Where => plan.Marks[0].Site.Region,
        QuestionKind.HowMany => Numbers[plan.Marks.Count],
        QuestionKind.Side => Laterality(plan) ?? Word(plan.Marks[0].Site.Side)!,
        QuestionKind.Size => SizeOf(plan.Spec, plan.Marks[0])!,
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Kind, "Unknown kind of question."),
    };

    private static bool IsPresent(PhantomPlan plan) => plan.Marks.Any(mark => mark.Type == plan.Asked);

    private static string Content(PhantomPlan plan)
    {
        bool denies = plan.Kind == QuestionKind.Presence && !IsPresent(plan);
        if (plan.Marks.Count == 0)
        {
            return $"{plan.Spec.Normal} and no {(denies ? plan.Asked.Name : "abnormality")}";
        }

        Mark first = plan.Marks[0];
        string size = SizeOf(plan.Spec, first) is string word ? word + " " : "";
        string what = plan.Marks.Count > 1
            ? $"{Numbers[plan.Marks.Count]} {size}{first.Type.Plural} {plan.Spec.Whole}"
            : $"{(first.Type.Countable ? $"one {size}{first.Type.Name}" : WithArticle(first.Type))} {plan.Spec.Preposition} {first.Site.Region}";
        if (plan.Kind == QuestionKind.Side && plan.Shown == Side.None && Word(first.Site.Side) is string side
            && !first.Site.Region.Contains(side, StringComparison.Ordinal))
        {
            what += $" on the {side} side";
        }

        return denies ? $"{what} but no {plan.Asked.Name}" : what;
    }

    private static string FillIn(string template, FindingType type) => template
        .Replace("{an x}", WithArticle(type), StringComparison.Ordinal)
        .Replace("{xs}", type.Plural, StringComparison.Ordinal)
        .Replace("{x}", type.Name, StringComparison.Ordinal);

    private static string WithArticle(FindingType type) =>
        type.Bare ? type.Name : $"{("aeiou".Contains(type.Name[0], StringComparison.Ordinal) ? "an" : "a")} {type.Name}";
}
