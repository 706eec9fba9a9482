using System.Globalization;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Training;

/// <summary>All responses of a step with their scores, one JSON line each, as <c>rollouts/step-000123.jsonl</c>.</summary>
internal static class RolloutFile
{
    public static void Write(RunFolder folder, TrainingStep step)
    {
        IEnumerable<string> lines = step.Groups.SelectMany(g => g.Rollouts).Select(r => JsonSerializer.Serialize(r, EventLog.Lines));
        folder.Write(string.Create(CultureInfo.InvariantCulture, $"rollouts/step-{step.Event.Step:000000}.jsonl"), string.Join('\n', lines) + "\n");
    }
}
