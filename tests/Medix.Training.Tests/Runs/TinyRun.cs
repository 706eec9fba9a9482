using System.Text.Json.Nodes;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;

namespace Medix.Training.Tests.Runs;

/// <summary>A whole run small enough for a test: a new model of two narrow layers on a few phantoms.</summary>
internal sealed class TinyRun : ITrainingObserver, IDisposable
{
    private static readonly JsonObject Base = (JsonObject)JsonNode.Parse("""
        {
          "name": "tiny", "seed": 3, "steps": 3,
          "model": { "create": { "vocabulary": 640, "hidden": 32, "layers": 2, "heads": 2, "keyValueHeads": 1, "headDim": 16, "intermediate": 48,
                                 "visionHidden": 32, "visionDepth": 2, "visionHeads": 2, "imagePixels": 4096 } },
          "data": { "kind": "phantoms", "phantomCount": 64, "heldOutLimit": 4, "modalities": ["X_RAY", "CT_SCAN"] },
          "warmStart": { "steps": 4, "batchSize": 8, "learningRate": 0.003 },
          "rollout": { "promptsPerStep": 3, "draws": 4, "maxNewTokens": 12, "maxBatchesPerStep": 1 },
          "optimizer": { "learningRate": 0.001 },
          "reward": { "mode": "medix" },
          "evaluation": { "draws": 2, "transcripts": 2 },
          "checkpoint": { "every": 2 }
        }
        """)!;

    private readonly CancellationTokenSource cancel = new();
    private readonly List<(string Text, int Steps)> messages = [];

    public List<StepEvent> Steps { get; } = [];

    public List<WarmStartEvent> Lessons { get; } = [];

    public IEnumerable<string> Messages => messages.Select(message => message.Text);

    /// <summary>Stops the run after this many RL steps (or supervised steps, where negative).</summary>
    public int? StopAfter { get; init; }

    public string Root { get; } = Directory.CreateTempSubdirectory("medix-run-").FullName;

    public static TrainRecipe Recipe(params string[] changes)
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, Base.ToJsonString());
        return RecipeLoader.Load(path, changes);
    }

    /// <summary>The same run from the nano model, which earns rewards from its first step.</summary>
    public static TrainRecipe NanoRecipe(params string[] changes) => Recipe(
        ["model.create=null", $"model.path={Path.Combine(Testing.Repository.Root, "models", "nano")}", "rollout.maxNewTokens=32", "warmStart.steps=2", .. changes]);

    /// <summary>Steps and lessons that had ended when the message came.</summary>
    public int StepsAt(string message) => messages.Single(m => m.Text == message).Steps;

    public Task<TrainingOutcome> ExecuteAsync(TrainRecipe recipe, RunFolder? resume = null) => TrainingRun.ExecuteAsync(
        recipe, resume ?? RunFolder.Create(Root, recipe.Name, TimeProvider.System), resume is not null, this, TimeProvider.System, cancel.Token);

    public void Dispose() => cancel.Dispose();

    public void Message(string text) => messages.Add((text, Steps.Count + Lessons.Count));

    public void Progress(string work, int done, int total)
    {
    }

    public void WarmStart(WarmStartEvent step, int total)
    {
        Lessons.Add(step);
        if (StopAfter == -step.Step)
        {
            cancel.Cancel();
        }
    }

    public void Step(StepEvent step, int total)
    {
        Steps.Add(step);
        if (StopAfter == step.Step)
        {
            cancel.Cancel();
        }
    }
}
