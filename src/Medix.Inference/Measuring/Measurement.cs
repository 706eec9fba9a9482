using Medix.Inference.Kernels;

namespace Medix.Inference.Measuring;

/// <summary>One figure, measured once in every round: the median, and the range that all rounds lie in.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Its unit; empty for a ratio.</param>
/// <param name="Median">The middle value.</param>
/// <param name="Low">The lowest.</param>
/// <param name="High">The highest.</param>
/// <param name="Rounds">How many values there are.</param>
public sealed record Measurement(string Name, string Unit, double Median, double Low, double High, int Rounds)
{
    internal static Measurement Of(string name, string unit, IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        double median = sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
        return new(name, unit, median, sorted[0], sorted[^1], sorted.Length);
    }
}

/// <summary>What is measured. A figure is left out where its number is 0, its list empty, or the model cannot do it.</summary>
/// <param name="Rounds">Rounds that count; one more goes before them to warm up.</param>
/// <param name="PrefillTokens">Tokens of the prompt whose reading is timed.</param>
/// <param name="DecodeTokens">Tokens that one stream draws.</param>
/// <param name="Batches">Streams together, for each of which tokens per second are measured.</param>
/// <param name="ImageSide">Side of the square picture, in pixels, a multiple of the vision tower's unit.</param>
/// <param name="ImageTextTokens">Text tokens beside the picture.</param>
/// <param name="ContextTokens">Tokens before those that streams draw, whose keys and values each of them reads.</param>
public sealed record BenchmarkOptions(
    int Rounds = 5, int PrefillTokens = 512, int DecodeTokens = 128, IReadOnlyList<int>? Batches = null, int ImageSide = 448, int ImageTextTokens = 60,
    int ContextTokens = 16);

/// <summary>A model's speed beside what the machine gives at most, measured in the same rounds.</summary>
/// <param name="Threads">Threads that computed.</param>
/// <param name="Kernels">Width of the kernels, and what they need beyond it.</param>
/// <param name="WeightBytes">Bytes of all weights.</param>
/// <param name="BytesPerToken">Bytes of weights that one token of one stream reads.</param>
/// <param name="KeysAndValues">How keys and values were kept.</param>
/// <param name="KeyValueBytesPerToken">Bytes of one token's keys and values.</param>
/// <param name="PeakBytes">Most memory that the process held.</param>
/// <param name="Figures">The figures, ceilings first.</param>
public sealed record BenchmarkReport(
    int Threads, string Kernels, long WeightBytes, long BytesPerToken, KeyValueStorage KeysAndValues, long KeyValueBytesPerToken, long PeakBytes,
    IReadOnlyList<Measurement> Figures);
