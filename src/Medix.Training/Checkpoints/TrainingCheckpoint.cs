using System.Globalization;
using System.Text.Json;
using Medix.Runs;
using Medix.Training.Learning;

namespace Medix.Training.Checkpoints;

/// <summary>Which part of a run a checkpoint belongs to, in the order they happen.</summary>
public enum TrainingPhase
{
    /// <summary>Supervised steps.</summary>
    WarmStart,

    /// <summary>RL steps.</summary>
    Rl,
}

/// <summary>Where a run stands. Every draw is derived from the seed and the step, so this, the weights and the optimiser's moments are the whole state.</summary>
/// <param name="Phase">Part of the run.</param>
/// <param name="Step">Steps of that part that are done.</param>
/// <param name="SamplePosition">Training samples handed out to RL.</param>
/// <param name="OptimizerSteps">Updates the optimiser's moments have seen.</param>
/// <param name="Started">When the run began.</param>
/// <param name="Seconds">Wall time so far, over all parts.</param>
/// <param name="PhaseSeconds">The same by phase.</param>
public sealed record TrainingState(
    TrainingPhase Phase, int Step, long SamplePosition, long OptimizerSteps, DateTimeOffset Started, double Seconds, IReadOnlyDictionary<string, double> PhaseSeconds);

/// <summary>Checkpoints of a run: folders that appear whole, the newest few kept.</summary>
public static class TrainingCheckpoint
{
    private const string StateFile = "state.json";

    /// <summary>Writes <c>checkpoints/NAME</c> under a temporary name, renames it, and only then removes the oldest beyond <paramref name="keep"/>.</summary>
    public static void Save(RunFolder folder, TrainingState state, PolicyLearner learner, int keep)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{(state.Phase == TrainingPhase.Rl ? "step" : "warm")}-{state.Step:000000}");
        string target = folder.PathOf("checkpoints", name);
        if (Directory.Exists(target))
        {
            return; // the same step of the same run: equal by construction
        }

        string temporary = folder.PathOf("checkpoints", $".{name}.{Environment.ProcessId}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            learner.Save(temporary);
            File.WriteAllText(Path.Combine(temporary, StateFile), JsonSerializer.Serialize(state, EventLog.Indented));
            Directory.Move(temporary, target);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }

        foreach ((string old, _) in All(folder).SkipLast(keep))
        {
            Directory.Delete(old, recursive: true);
        }
    }

    /// <summary>The newest checkpoint's folder and state, or null.</summary>
    public static (string Path, TrainingState State)? Newest(RunFolder folder) => All(folder) is [.., var newest] ? newest : null;

    private static List<(string Path, TrainingState State)> All(RunFolder folder)
    {
        string root = folder.PathOf("checkpoints");
        return Directory.Exists(root)
            ? [.. Directory.GetDirectories(root).Where(d => !Path.GetFileName(d).StartsWith('.'))
                .Select(d => (d, Read(d))).OrderBy(c => (c.Item2.Phase, c.Item2.Step))]
            : [];
    }

    private static TrainingState Read(string checkpoint)
    {
        string path = Path.Combine(checkpoint, StateFile);
        try
        {
            return JsonSerializer.Deserialize<TrainingState>(File.ReadAllText(path), EventLog.Lines)!;
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new MedixException($"The checkpoint {checkpoint} cannot be read: {e.Message} Delete that folder to resume from the one before it.", e);
        }
    }
}
