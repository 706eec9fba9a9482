namespace Medix.Weights.Creation;

/// <summary>
/// The shapes of the published models (Qwen3-VL technical report, arXiv 2511.21631; Qwen3, arXiv 2505.09388), as their <c>config.json</c> gives them.
/// </summary>
public static class ModelPresets
{
    private const int Vocabulary = 151_936;
    private static readonly int[] Sections = [24, 20, 20];
    private static readonly int[] Stop = [151_645, 151_643];

    private static readonly Dictionary<string, Func<Qwen3VLConfig>> ByName = new(StringComparer.OrdinalIgnoreCase)
    {
        ["qwen3-vl-2b"] = () => Seeing(Text(2048, 28, 16, 8, 6144, tied: true), SmallVision(2048)),
        ["qwen3-vl-4b"] = () => Seeing(Text(2560, 36, 32, 8, 9728, tied: true), SmallVision(2560)),
        ["qwen3-vl-8b"] = () => Seeing(Text(4096, 36, 32, 8, 12_288, tied: false), LargeVision(4096)),
        ["qwen3-vl-32b"] = () => Seeing(Text(5120, 64, 64, 8, 25_600, tied: false), LargeVision(5120)),
        ["qwen3-vl-30b-a3b"] = () => Seeing(
            Text(2048, 48, 32, 4, 6144, tied: false) with { Experts = 128, ExpertsPerToken = 8, ExpertIntermediate = 768, DenseLayers = [] }, LargeVision(2048)),
        ["qwen3-4b"] = () => Reading(Text(2560, 36, 32, 8, 9728, tied: true), 5_000_000, 262_144),
        ["qwen3-14b"] = () => Reading(Text(5120, 40, 40, 8, 17_408, tied: false), 1_000_000, 40_960),
    };

    /// <summary>The names there are.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The shape of this name, or null.</summary>
    public static Qwen3VLConfig? Find(string name) => ByName.TryGetValue(name, out Func<Qwen3VLConfig>? make) ? make() : null;

    private static TextConfig Text(int hidden, int layers, int heads, int keyValueHeads, int intermediate, bool tied) => new(
        Vocabulary, hidden, layers, heads, keyValueHeads, 128, intermediate, 1e-6, 5_000_000, Sections, 262_144, tied);

    private static VisionConfig SmallVision(int output) => new(24, 1024, 16, 4096, output, 16, 2, 2, 3, 2304, [5, 11, 17]);

    private static VisionConfig LargeVision(int output) => new(27, 1152, 16, 4304, output, 16, 2, 2, 3, 2304, [8, 16, 24]);

    private static Qwen3VLConfig Seeing(TextConfig text, VisionConfig vision) => new(
        text.Experts is null ? "Qwen3VLForConditionalGeneration" : "Qwen3VLMoeForConditionalGeneration", text, vision, 151_655, 151_656, 151_652, 151_653, Stop);

    private static Qwen3VLConfig Reading(TextConfig text, double theta, int positions) => new(
        "Qwen3ForCausalLM", text with { MropeSection = null, RopeTheta = theta, MaxPositions = positions }, null, -1, -1, -1, -1, Stop);
}
