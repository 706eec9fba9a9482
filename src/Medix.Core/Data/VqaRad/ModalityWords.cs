using System.Text.RegularExpressions;

namespace Medix.Data;

/// <summary>
/// Words that name a modality unambiguously. "Scan", "film", "contrast" or an organ alone name none; T1 and T2 alone may be vertebrae,
/// so they count only before a word of imaging, or as the whole answer to a question about the modality.
/// </summary>
internal static partial class ModalityWords
{
    /// <summary>A pattern of the modalities' own names, which leave no part of the modality out: a FLAIR or PA view is one kind of many.</summary>
    public const string Names = MriName + "|" + CtName + "|" + XRayName + "|" + Others;

    /// <summary>A pattern of all words that name a modality, for use inside larger patterns.</summary>
    public const string Any = Mri + "|" + CtName + "|" + XRay + "|" + Others;

    private const string MriName = "mri|mr|magnetic resonance(?: imaging)?";
    private const string Mri = MriName + "|flair|dwi|adc|diffusion[ -]weighted|t[12](?=[ -]*(?:weighted|mri|image|flair|sequence))";
    private const string CtName = @"ct|cat[ -]scan|comput(?:ed|erized) tomography";
    private const string XRayName = @"x[ -]?rays?|xr|radiographs?";
    private const string XRay = XRayName + "|cxr|plain films?|chest film|(?:pa|ap) (?:film|chest)";
    private const string Others =
        "ultrasound|sonograms?|ultrasonography|mammograms?|mammography|angiograms?|angiography|fluoroscopy|pet[ -]scan|spect[ -]scan";

    /// <summary>The tags whose words a text holds, each once.</summary>
    public static IReadOnlyList<string> Tags(string text) =>
        [.. Words().Matches(text).Select(match => TagOf(match.Value)).Distinct(StringComparer.Ordinal)];

    /// <summary>The tags that the answer to "which modality" holds: as <see cref="Tags"/>, and bare T1, T2.</summary>
    public static IReadOnlyList<string> TagsOfAnswer(string answer) =>
        [.. Tags(answer).Concat(BareWeighting().IsMatch(answer) ? ["MRI_SCAN"] : []).Distinct(StringComparer.Ordinal)];

    private static string TagOf(string word) => word.ToLowerInvariant() switch
    {
        var w when WholeWord(Mri).IsMatch(w) || w is "t1" or "t2" => "MRI_SCAN",
        var w when WholeWord(CtName).IsMatch(w) => "CT_SCAN",
        var w when WholeWord(XRay).IsMatch(w) => "X_RAY",
        var w when w.StartsWith("mammo", StringComparison.Ordinal) => "MAMMOGRAPHY",
        var w when w.StartsWith("angio", StringComparison.Ordinal) => "ANGIOGRAPHY",
        "fluoroscopy" => "FLUOROSCOPY",
        var w when w.StartsWith("pet", StringComparison.Ordinal) => "PET_SCAN",
        var w when w.StartsWith("spect", StringComparison.Ordinal) => "SPECT",
        _ => "ULTRASOUND",
    };

    private static Regex WholeWord(string pattern) => new($"^(?:{pattern})$", RegexOptions.CultureInvariant);

    [GeneratedRegex(@"\b(?:" + Any + @")\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"^t[12]\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex BareWeighting();
}
