using System.Globalization;
using System.Text;
using Microsoft.Extensions.AI;

namespace Medix.Judging;

/// <summary>One answer to be judged. Records with equal texts are judged once.</summary>
/// <param name="Question">The question as asked; may be empty where it is not known.</param>
/// <param name="Reference">The reference answer.</param>
/// <param name="Answer">The graded text of the response.</param>
public sealed record JudgeCase(string Question, string Reference, string Answer);

/// <summary>
/// A judge's verdict: whether the answer says the same as the reference, or null where there is no verdict (the endpoint failed, the reply could not be
/// read). <paramref name="Judge"/> is who decided (<c>rule judge</c> or <c>model judge</c> with its model), <paramref name="Reason"/> why.
/// </summary>
public sealed record Verdict(bool? Equivalent, string Judge, string Reason);

/// <summary>
/// Decides whether an answer says the same as the reference: by rules (deterministic, embedded) or by asking a model. Training and evaluation share it.
/// <para>
/// Answers that say nothing (no letter or digit, or a mere opening such as "Thought process:") and answers above
/// <see cref="MaxAnswerCharacters"/> are different without asking: models are known to accept the first kind (arXiv 2507.08794).
/// </para>
/// </summary>
public sealed class Judge
{
    /// <summary>An answer longer than this many UTF-16 units is no answer to a short question.</summary>
    public const int MaxAnswerCharacters = 4000;

    /// <summary>The name in every verdict given by rules.</summary>
    public const string RuleJudgeName = "rule judge";

    private readonly ModelJudge? _model;
    private readonly ClinicalComparison _rules = new(ClinicalLexicon.Default);

    private Judge(ModelJudge? model) => _model = model;

    /// <summary>Who decides.</summary>
    public string Name => _model?.Name ?? RuleJudgeName;

    /// <summary>The embedded deterministic clinical comparison.</summary>
    public static Judge ByRules() => new(null);

    /// <summary>A model behind a chat endpoint; <paramref name="options"/> must have no <see cref="ModelJudgeOptions.Problems"/>.</summary>
    public static Judge ByModel(IChatClient client, ModelJudgeOptions options) => new(new ModelJudge(client, options));

    /// <summary>One verdict per case, in order. Equal cases are judged once. Throws only when cancelled.</summary>
    public async Task<IReadOnlyList<Verdict>> JudgeAsync(IReadOnlyList<JudgeCase> cases, CancellationToken cancellationToken)
    {
        Unique<JudgeCase> unique = new(cases);
        Verdict[] verdicts = _model is null
            ? JudgeByRules(unique.Items, cancellationToken)
            : await _model.JudgeAsync(unique.Items, cancellationToken).ConfigureAwait(false);
        return unique.Spread(verdicts);
    }

    /// <summary>
    /// Why an answer cannot be equivalent whatever the reference: it is empty, too long, or says nothing; null when it has to be compared.
    /// </summary>
    public static string? Hollow(string answer)
    {
        if (answer.Length > MaxAnswerCharacters)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"the answer has {answer.Length} characters; more than {MaxAnswerCharacters} is no short answer");
        }

        foreach (Rune rune in answer.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
            {
                return answer.AsSpan().TrimEnd().EndsWith(":") ? "the answer ends where its content should begin" : null;
            }
        }

        return "the answer holds no letter or digit";
    }

    /// <summary>The verdict that needs neither rules nor model: on a hollow answer and on the reference's own text, case aside.</summary>
    internal static Verdict? Settled(JudgeCase each, string judge) =>
        Hollow(each.Answer) is string hollow ? new Verdict(false, judge, hollow)
        : each.Answer.AsSpan().Trim().Equals(each.Reference.AsSpan().Trim(), StringComparison.OrdinalIgnoreCase) ? new Verdict(true, judge, "same text")
        : null;

    /// <summary>
    /// What the answer contradicts in the reference (side, negation, number), as a short text; null when nothing does. For the embedding term.
    /// </summary>
    internal string? Contradiction(string reference, string answer) =>
        ClinicalComparison.Contradiction(_rules.Read(reference), _rules.Read(answer)) is { } difference
            ? $"contradicts the reference: {difference.ToString().ToLowerInvariant()}"
            : null;

    private Verdict[] JudgeByRules(JudgeCase[] cases, CancellationToken cancellationToken)
    {
        // Questions and references come once per group of rollouts.
        Dictionary<string, ClinicalText> read = new(StringComparer.Ordinal);
        ClinicalText Read(string text) => read.TryGetValue(text, out ClinicalText? known) ? known : read[text] = _rules.Read(text);

        Verdict[] verdicts = new Verdict[cases.Length];
        for (int i = 0; i < cases.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            JudgeCase each = cases[i];
            if (Settled(each, RuleJudgeName) is Verdict settled)
            {
                verdicts[i] = settled;
                continue;
            }

            Comparison comparison = ClinicalComparison.Compare(Read(each.Question), Read(each.Reference), _rules.Read(each.Answer));
            verdicts[i] = new Verdict(comparison.Same, RuleJudgeName, comparison.Reason);
        }

        return verdicts;
    }
}
