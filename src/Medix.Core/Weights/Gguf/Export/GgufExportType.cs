using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// A kind of file: <paramref name="Name"/> as llama.cpp's tools call it, <paramref name="FileType"/> its number in <c>general.file_type</c>,
/// <paramref name="Format"/> what most matrices become. <paramref name="ByQuantizer"/> tells whose rules and layout it follows: those of <c>llama-quantize</c>,
/// which gives some matrices better formats, or those of <c>convert_hf_to_gguf.py</c>.
/// </summary>
public sealed record GgufExportType(string Name, int FileType, BlockFormat Format, bool ByQuantizer)
{
    /// <summary>Half precision, everything that is not a matrix in single precision.</summary>
    public static GgufExportType F16 { get; } = new("f16", 1, BlockFormats.F16, ByQuantizer: false);

    /// <summary>4 bits in super-blocks, more for the head and for half of the value and down projections: the usual compromise.</summary>
    public static GgufExportType Q4KM { get; } = new("q4_k_m", 15, BlockFormats.Q4K, ByQuantizer: true);

    /// <summary>All kinds that can be written.</summary>
    public static IReadOnlyList<GgufExportType> All { get; } =
    [
        new("f32", 0, BlockFormats.F32, ByQuantizer: false),
        F16,
        new("bf16", 32, BlockFormats.BF16, ByQuantizer: false),
        new("q8_0", 7, BlockFormats.Q80, ByQuantizer: false),
        new("q6_k", 18, BlockFormats.Q6K, ByQuantizer: true),
        new("q5_k_m", 17, BlockFormats.Q5K, ByQuantizer: true),
        new("q5_k_s", 16, BlockFormats.Q5K, ByQuantizer: true),
        new("q5_1", 9, BlockFormats.Q51, ByQuantizer: true),
        new("q5_0", 8, BlockFormats.Q50, ByQuantizer: true),
        Q4KM,
        new("q4_k_s", 14, BlockFormats.Q4K, ByQuantizer: true),
        new("q4_1", 3, BlockFormats.Q41, ByQuantizer: true),
        new("q4_0", 2, BlockFormats.Q40, ByQuantizer: true),
    ];

    /// <summary>The names that <see cref="Find"/> takes, aliases too.</summary>
    public static IEnumerable<string> Names => [.. All.Select(type => type.Name), "q4_k", "q5_k"];

    /// <summary>The kind of this name in any case, or null. As for llama.cpp, <c>q4_k</c> and <c>q5_k</c> are <c>q4_k_m</c> and <c>q5_k_m</c>.</summary>
    public static GgufExportType? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string full = name.ToUpperInvariant() is "Q4_K" or "Q5_K" ? name + "_m" : name;
        return All.FirstOrDefault(type => type.Name.Equals(full, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The kind of the vision tower's file beside a language model of this kind: the same where the converter can write it, else half precision.</summary>
    public GgufExportType ForVision => ByQuantizer ? F16 : this;
}
