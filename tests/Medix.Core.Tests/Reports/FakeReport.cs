using Medix.Data;
using Medix.Evaluation;
using Medix.Evaluation.Reports;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Recipes;
using SkiaSharp;

namespace Medix.Core.Tests.Reports;

/// <summary>Reports of runs that never were, with everything a report can hold.</summary>
internal static class FakeReport
{
    private static readonly string[] Terms = ["format", "judge", "embedding", "modality"];
    private static readonly string[] Tags = ["CT_SCAN", "MRI_SCAN", "X_RAY", "ULTRASOUND", "FUNDUS_PHOTOGRAPHY", "MICROSCOPY", "unknown"];

    /// <summary>A whole run of that many steps.</summary>
    public static TrainReport Of(int steps, int warmStart = 300) => new(
        Run: "/somewhere/runs/nano-20260102-030405",
        Recipe: new TrainRecipe { Name = "nano", Steps = steps, Seed = 7 },
        Started: new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Seconds: 2712.4,
        PeakMemoryBytes: 2_012_053_504,
        Data: new DataSummary(
            "phantoms, seed 7", new string('a', 64), 4000, 300, 4000, 291, Tags.ToDictionary(t => t, t => 40 * t.Length), Tags.ToDictionary(t => t, t => 3 * t.Length),
            new Dictionary<string, int> { ["prompt longer than 256 tokens"] = 12, ["picture cut short"] = 2 }, ["row-17: the picture is cut short", "row-18: <b>bold</b>"]),
        Steps: [.. Enumerable.Range(1, steps).Select(s => Step(s, steps))],
        WarmStart: [.. Enumerable.Range(1, warmStart).Select(s => new WarmStartEvent(s, 1 + (6 * Math.Exp(-s / 60.0)), 1e-3, 1.5))],
        HeldOut: HeldOut(),
        Transcripts: [.. Enumerable.Range(0, 4).Select(Transcript)],
        PhaseSeconds: new Dictionary<string, double> { ["warm start"] = 600, ["rollout"] = 1200.5, ["reward"] = 30, ["update"] = 700, ["held-out"] = 120 },
        Model: new ModelIdentity("new model", 2_656_416, new string('b', 64), new string('c', 64)),
        JudgeName: "rule judge",
        EmbedderName: "lexical embedder");

    /// <summary>A comparison about these two means.</summary>
    public static Comparison Compare(string name, double before, double after, int count, double width = 0.04) => new(
        name, new Estimate(before, before - width, before + width, count), new Estimate(after, after - width, after + width, count),
        new Estimate(after - before, after - before - width, after - before + width, count), after > before + width ? 0.0005 : 0.31, count == 0 ? 5 : 3);

    /// <summary>A comparison without any sample scored on both sides.</summary>
    public static Comparison Nothing(string name)
    {
        Estimate none = new(double.NaN, double.NaN, double.NaN, 0);
        return new Comparison(name, none, none, none, double.NaN, 5);
    }

    /// <summary>A picture with a soft disc in a dark field, as PNG.</summary>
    public static ImageSource Picture(int width, int height, int seed)
    {
        using SKBitmap bitmap = new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using SKCanvas canvas = new(bitmap);
        canvas.Clear(new SKColor(12, 12, 14));
        SKPoint middle = new(width * (0.4f + (0.05f * seed)), height * 0.5f);
        using SKShader shader = SKShader.CreateRadialGradient(
            middle, height * 0.42f, [new SKColor(230, 228, 220), new SKColor(60, 60, 64), SKColors.Black], SKShaderTileMode.Clamp);
        using SKPaint paint = new() { Shader = shader };
        canvas.DrawCircle(middle, height * 0.42f, paint);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return new ImageSource($"picture-{seed}.png", data.ToArray());
    }

    private static StepEvent Step(int step, int steps)
    {
        SeededRandom random = new(Seed.Derive(7, (ulong)step));
        double progress = 1 - Math.Exp(-3.0 * step / Math.Max(1, steps));
        double Noisy(double value, double noise) => value + (noise * (random.NextDouble() - 0.5));
        double reward = Noisy(0.35 + (0.4 * progress), 0.12);
        return new StepEvent(
            step, reward, Noisy(0.3, 0.05), Terms.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => Noisy(0.95 - (0.2 * p.i) + (0.15 * p.i * progress), 0.1)),
            16, 128, step % 50 == 0 ? new Dictionary<string, int> { ["judge: no answer in time"] = 2 } : [], 12 - (int)(4 * progress),
            new Dictionary<string, int> { ["no spread"] = 4 + (int)(4 * progress) }, Noisy(38 - (8 * progress), 3), Noisy(0.05, 0.02) * (1 - progress), Noisy(0, 0.05),
            Noisy(1.2 - progress, 0.1), Noisy(0.002, 0.002), Noisy(0.002, 0.001), Noisy(0.004, 0.002), Noisy(0.6, 0.4), 3e-4,
            Noisy(2e-6, 1e-6), Noisy(2e-5, 2e-5), 4200, 3500, 6.5, new Dictionary<string, double> { ["rollout"] = 2.5, ["update"] = 3.5 });
    }

    private static HeldOutReport HeldOut() => new(
        Compare("reward", 0.412, 0.687, 300), Compare("greedy reward", 0.455, 0.702, 300, 0.05),
        [.. Terms.Select((t, i) => Compare(t, 0.9 - (0.15 * i), 0.98 - (0.05 * i), 300, 0.03))],
        [.. Tags.Select((t, i) => Compare(t, 0.35 + (0.02 * i), 0.66 - (0.04 * i), 60 - (9 * i), 0.05 + (0.01 * i)))],
        Compare("modality recognition", 0.91, 0.99, 280, 0.02),
        new Dictionary<string, int> { ["judge: no answer in time"] = 3 }, 2, 1);

    private static Transcript Transcript(int i) => new(
        $"phantom-held-out-{i:000000}",
        i == 3 ? [] : i == 2 ? [new ImageSource("broken.png", new byte[] { 1, 2, 3 })] : [Picture(i == 0 ? 256 : 1400, i == 0 ? 256 : 900, i)],
        i == 1 ? "Is there a mass in the upper left quadrant of this picture, and if so, what is its approximate size and shape?" : "Where is the lesion?",
        "upper left", i == 3 ? null : "CT_SCAN",
        $"<CT_SCAN> lesion {i} <thinking>unfinished",
        new RewardReport(null, [
            TermResult.Scored("format", 0, "no answer tags"), TermResult.Unscored("judge", "no answer in time"), TermResult.Scored("embedding", 0.31, "cosine 0.25"),
            TermResult.NotApplicable("modality", "the modality is not known")]),
        "<CT_SCAN>\n<thinking>The bright round area lies above and to the left of the middle; its edge is smooth.</thinking>\n<answer>upper left</answer>",
        new RewardReport(0.93, [
            TermResult.Scored("format", 1), TermResult.Scored("judge", 1, "rule judge: same words"), TermResult.Scored("embedding", 1, "cosine 1.000"),
            TermResult.Scored("modality", 1)]));
}
