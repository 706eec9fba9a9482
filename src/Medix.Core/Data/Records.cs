using Medix.Text;

namespace Medix.Data;

/// <summary>An encoded picture (PNG, JPEG, …) as found in a dataset. <paramref name="Name"/> is for messages only.</summary>
public sealed record ImageSource(string Name, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// One row as a dataset spells it. <paramref name="Solution"/> is <c>&lt;MODALITY&gt;</c>, newline, answer
/// (the schema of MBZUAI/medix-rl-data), or the answer alone where the modality is not known.
/// <paramref name="Group"/> is the patient or study where the dataset names one: rows of one group stay on one side of a split.
/// </summary>
public sealed record DatasetRow(
    string Id,
    IReadOnlyList<ImageSource> Images,
    string Problem,
    string Solution,
    string Source,
    string? Group = null,
    QuestionNotes? Notes = null);

/// <summary>
/// What a dataset says about a question besides its text, for reports only: for example <c>PRES</c>, <c>CLOSED</c>, <c>CHEST</c>
/// in VQA-RAD. Null where it does not say.
/// </summary>
public sealed record QuestionNotes(string? QuestionType = null, string? AnswerType = null, string? BodyPart = null);

/// <summary>
/// One example ready for prompting: zero, one or many images, the conversation, the reference answer without its tag, and
/// the modality tag without angle brackets (<c>X_RAY</c>), or null where it is not known.
/// <paramref name="SplitKey"/> is equal for samples that must stay on the same side of a split (the same picture or patient).
/// </summary>
public sealed record Sample(
    string Id,
    IReadOnlyList<ImageSource> Images,
    IReadOnlyList<PromptMessage> Messages,
    string Question,
    string Reference,
    string? Modality,
    string Source,
    string SplitKey,
    QuestionNotes? Notes = null);

/// <summary>The 16 modality tags of MediX-R1 (arXiv 2602.23363), without angle brackets.</summary>
public static class Modalities
{
    /// <summary>All tags, in a fixed order.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "X_RAY", "MICROSCOPY", "CLINICAL_PHOTOGRAPHY", "CT_SCAN", "GRAPHICS", "ANGIOGRAPHY", "PET_SCAN", "ULTRASOUND",
        "MRI_SCAN", "FUNDUS_PHOTOGRAPHY", "OCT_SCAN", "ENDOSCOPY", "MAMMOGRAPHY", "FLUOROSCOPY", "OTHER", "SPECT",
    ];
}
