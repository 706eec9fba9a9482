namespace Medix.Training;

/// <summary>How a sentence names a modality.</summary>
internal static class ModalityNouns
{
    private static readonly Dictionary<string, string> Nouns = new(StringComparer.Ordinal)
    {
        ["X_RAY"] = "a radiograph",
        ["MICROSCOPY"] = "a microscopy image",
        ["CLINICAL_PHOTOGRAPHY"] = "a clinical photograph",
        ["CT_SCAN"] = "a CT scan",
        ["GRAPHICS"] = "a chart",
        ["ANGIOGRAPHY"] = "an angiogram",
        ["PET_SCAN"] = "a PET scan",
        ["ULTRASOUND"] = "an ultrasound image",
        ["MRI_SCAN"] = "an MRI scan",
        ["FUNDUS_PHOTOGRAPHY"] = "a fundus photograph",
        ["OCT_SCAN"] = "an OCT scan",
        ["ENDOSCOPY"] = "an endoscopic view",
        ["MAMMOGRAPHY"] = "a mammogram",
        ["FLUOROSCOPY"] = "a fluoroscopic image",
        ["SPECT"] = "a SPECT scan",
    };

    public static string Of(string? modality) => Nouns.GetValueOrDefault(modality ?? "", "a medical image");
}
