using System.Text.RegularExpressions;

namespace Medix.Data;

/// <summary>What one question and its answer say about their image's modality: a tag it is, a tag it is not, or nothing (both null).</summary>
internal sealed record ModalityEvidence(string? For, string? Against)
{
    public static ModalityEvidence None { get; } = new(null, null);
}

/// <summary>Reads evidence of a modality from a question and its answer. When in doubt it says nothing.</summary>
internal static partial class ModalityReader
{
    private const string Word = ModalityWords.Any;
    private const string Subject =
        "^(?:is|was) (?:this|it|the)(?: (?:image|scan|film|picture))?(?: an?| (?:taken|acquired|obtained) (?:with|by|via|using|as)(?: an?)?)";

    /// <summary>The evidence of one question.</summary>
    public static ModalityEvidence Read(string question, string answer, string? questionType)
    {
        IReadOnlyList<string> asked = ModalityWords.Tags(question);
        bool yes = answer.Equals("yes", StringComparison.OrdinalIgnoreCase), no = answer.Equals("no", StringComparison.OrdinalIgnoreCase);
        bool asksModality = questionType?.Contains("MODALITY", StringComparison.OrdinalIgnoreCase) == true || AsksModality().IsMatch(question);
        if (Negation().IsMatch(question))
        {
            return ModalityEvidence.None; // "What type of imaging does this not represent?"
        }

        if (!yes && !no && Projection().IsMatch(answer))
        {
            return new ModalityEvidence("X_RAY", null); // a beam's direction (PA, AP) exists in projection radiography alone
        }

        if (!yes && !no && asksModality && ModalityWords.TagsOfAnswer(answer) is [var answered])
        {
            return new ModalityEvidence(answered, null);
        }

        if (asked.Count > 1 && ModalityWords.TagsOfAnswer(answer) is [var chosen] && asked.Contains(chosen))
        {
            return new ModalityEvidence(chosen, null); // "Is this an MRI or a CT scan? MRI"
        }

        if (asked is not [var tag])
        {
            return yes && AsksProjection().IsMatch(question) ? new ModalityEvidence("X_RAY", null) : ModalityEvidence.None;
        }

        return (yes || no) ? OfYesOrNo(question, tag, yes)
            : Presupposes().IsMatch(question) || asksModality || Choice().IsMatch(question) ? new ModalityEvidence(tag, null)
            : ModalityEvidence.None;
    }

    // "No" counts only against a bare "Is this an MRI?": "Is this a CT of the abdomen? No" may be a CT of the head.
    private static ModalityEvidence OfYesOrNo(string question, string tag, bool yes)
    {
        if (Identity().IsMatch(question))
        {
            return yes ? new ModalityEvidence(tag, null) : BareIdentity().IsMatch(question) ? new ModalityEvidence(null, tag) : ModalityEvidence.None;
        }

        // "Is the chest x-ray normal? No": whatever the answer, it is an x-ray.
        return Presupposes().IsMatch(question) ? new ModalityEvidence(tag, null) : ModalityEvidence.None;
    }

    [GeneratedRegex(@"\bnot\b|n't\b|\bother than\b|\bbest\b|\bbetter\b", RegexOptions.IgnoreCase)]
    private static partial Regex Negation();

    [GeneratedRegex(
        @"\bmodality\b|\b(?:type|kind) of (?:image|imaging|scan|film)|\bimaging (?:method|technique)"
        + @"|^how (?:was|is) (?:this|the) (?:image|scan|film|picture)[\w ]* (?:taken|acquired|obtained)",
        RegexOptions.IgnoreCase)]
    private static partial Regex AsksModality();

    // "this chest x-ray", "the above MRI", "this is a T2 weighted image", "the image is T2".
    [GeneratedRegex(
        @"\b(?:this|the|that)(?: (?:above|chest|brain|head|abdominal|axial|plain|portable|contrast|noncontrast|is an?))*[ -](?:" + Word
        + @")\b|\bimage is (?:an? )?(?:t[12]\b|" + Word + ")",
        RegexOptions.IgnoreCase)]
    private static partial Regex Presupposes();

    // "Is this a chest radiograph?", "Was this image taken via MRI?"; the subject is the image, the modality its predicate.
    [GeneratedRegex(Subject + @" (?:[\w-]+ ){0,2}?(?:" + Word + @")\b", RegexOptions.IgnoreCase)]
    private static partial Regex Identity();

    [GeneratedRegex(Subject + " (?:" + ModalityWords.Names + @")(?: (?:scan|image|film|picture|scanner))?\s*\??$", RegexOptions.IgnoreCase)]
    private static partial Regex BareIdentity();

    [GeneratedRegex(@"^(?:is|was) .*\bor\b", RegexOptions.IgnoreCase)]
    private static partial Regex Choice();

    [GeneratedRegex(@"^(?:pa|ap|posterior[ -]anterior|anterior[ -]posterior|posteroanterior|anteroposterior)$", RegexOptions.IgnoreCase)]
    private static partial Regex Projection();

    [GeneratedRegex(@"^(?:is|was) (?:this|it|the) .*\b(?:pa|ap) (?:film|image|view|position|plane|projection|modality)\b", RegexOptions.IgnoreCase)]
    private static partial Regex AsksProjection();
}
