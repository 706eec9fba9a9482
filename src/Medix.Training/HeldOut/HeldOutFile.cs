using System.Text.Json;
using Medix.Data;
using Medix.Runs;
using Medix.Training.Rollouts;

namespace Medix.Training.HeldOut;

/// <summary>The answers before RL, kept as <c>held-out-before.jsonl</c> so that a resumed run compares with the same.</summary>
internal static class HeldOutFile
{
    private const string Name = "held-out-before.jsonl";

    private sealed record Line(string SampleId, IReadOnlyList<ScoredRollout> Sampled, ScoredRollout Greedy);

    public static void Write(RunFolder folder, IReadOnlyList<HeldOutAnswers> answers) => folder.Write(
        Name, string.Concat(answers.Select(a => JsonSerializer.Serialize(new Line(a.Sample.Id, a.Sampled, a.Greedy), EventLog.Lines) + "\n")));

    /// <summary>The kept answers for exactly these samples, or null.</summary>
    public static IReadOnlyList<HeldOutAnswers>? TryRead(RunFolder folder, IReadOnlyList<Sample> samples)
    {
        IReadOnlyList<Line> lines = EventLog.Read<Line>(folder.PathOf(Name));
        return lines.Select(l => l.SampleId).SequenceEqual(samples.Select(s => s.Id))
            ? [.. lines.Select((l, i) => new HeldOutAnswers(samples[i], l.Sampled, l.Greedy))]
            : null;
    }
}
