namespace Medix.Weights;

/// <summary>Maps the tensor names found in published files and re-saves to the canonical ones of <see cref="ModelTensors"/>.</summary>
public static class TensorNames
{
    // Longest first within a family: the first match decides.
    private static readonly (string Found, string Canonical)[] Prefixes =
    [
        ("model.language_model.lm_head.", "lm_head."),
        ("model.language_model.model.", ModelTensors.TextPrefix),
        ("model.language_model.", ModelTensors.TextPrefix),
        ("model.visual.", ModelTensors.VisionPrefix),
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", ModelTensors.TextPrefix),
        ("language_model.", ModelTensors.TextPrefix),
        ("visual.", ModelTensors.VisionPrefix),
        ("lm_head.", "lm_head."),
        ("model.", ModelTensors.TextPrefix),
    ];

    /// <summary>The canonical name; a name of no known family stays as it is.</summary>
    public static string Canonical(string found)
    {
        foreach ((string prefix, string canonical) in Prefixes)
        {
            if (found.StartsWith(prefix, StringComparison.Ordinal))
            {
                return string.Concat(canonical, found.AsSpan(prefix.Length));
            }
        }

        return found;
    }

    /// <summary>A canonical name as the model's own files spell it: text-only models have no language model inside another.</summary>
    public static string Published(string canonical, Qwen3VLConfig config) =>
        config.Vision is null && canonical.StartsWith(ModelTensors.TextPrefix, StringComparison.Ordinal)
            ? string.Concat("model.", canonical.AsSpan(ModelTensors.TextPrefix.Length))
            : canonical;
}
