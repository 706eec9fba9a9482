using Medix.Imaging;

namespace Medix.Data.Phantoms;

/// <summary>
/// One finding that is in the picture. <paramref name="Side"/> is <c>left</c>, <c>right</c> or null where it has none;
/// <paramref name="Size"/> the size as an answer gives it, or null where size is not a property of the finding.
/// Its ellipse is in picture coordinates, [0, 1] from the left and from the top, radii in the same units.
/// </summary>
public sealed record PhantomFinding(
    string Name, string Region, string? Side, string? Size, double CenterX, double CenterY, double RadiusX, double RadiusY);

/// <summary>
/// One synthetic picture with what is known about it. <paramref name="Modality"/> is a tag of <see cref="Modalities"/>;
/// <paramref name="Reasoning"/> one sentence that holds the answer and agrees with <paramref name="Findings"/> (none: a normal picture).
/// <paramref name="Laterality"/> names the eye or breast shown, null for other modalities.
/// Sides are the patient's (radiological convention: the patient's right is at the picture's left) for X_RAY, CT_SCAN, MRI_SCAN, PET_SCAN,
/// ANGIOGRAPHY, FLUOROSCOPY and OTHER (the soles of the feet), the picture's for the rest, and the eye's or breast's for FUNDUS_PHOTOGRAPHY and MAMMOGRAPHY.
/// </summary>
public sealed record PhantomExample(
    RgbImage Image, string Modality, string Question, string Answer, string Reasoning, QuestionKind Kind,
    IReadOnlyList<PhantomFinding> Findings, string? Laterality);

/// <summary>A phantom's words without its picture: for tokenizer corpora, and for the thinking text of a warm start.</summary>
public sealed record PhantomText(string Modality, string Question, string Answer, string Reasoning, QuestionKind Kind);
