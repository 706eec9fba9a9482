using System.Text.Json;
using Medix.Testing;

namespace Medix.Training.Tests.Losses;

/// <summary>
/// The rows of goldens/rl that no test of this folder runs, each by name and with its reason. A kind that stands neither here nor in a test fails.
/// </summary>
public sealed class RlSkips
{
    /// <summary>Matches cases where the original ended in an error and nothing stands in for it.</summary>
    private const string WithoutExpectation = "(no expectation)";

    private sealed record Skip(string Topic, string Kind, string Reason, string? Field = null, params string[] Values);

    private static readonly Dictionary<string, string> WholeTopics = new()
    {
        ["balance"] = "balancing by length over devices belongs to the full trainer",
        ["optimizer"] = "the optimiser's own tests run it",
        ["value_loss"] = "there is no critic to train",
    };

    private static readonly string[] RunTopics =
        ["advantages", "aggregation", "filtering", "kl", "logprobs", "overlong", "policy_loss", "schedules", "trl_loss", "update"];

    private static readonly Skip[] Table =
    [
        new("aggregation", "error", "averaging modes are an enumeration: an unknown one cannot be spelled"),
        new("aggregation", "response_mask", "responses are stored with their own length, end token included: there is no mask to derive"),
        new("kl", "kl", "needs the whole distribution of both models, and rollouts keep the drawn token's log-probability", "penalty", "full"),
        new("kl", "kl", "estimators are an enumeration: an unknown one cannot be spelled", "name", "unknown"),
        new("kl", "controller", "the KL coefficient is fixed; controllers belong to KL in the reward"),
        new("kl", "controller_error", "the KL coefficient is fixed; controllers belong to KL in the reward"),
        new("kl", "in_reward", "KL is a loss term here, not part of the reward"),
        new("schedules", "", "not offered", "scheduler", "linear", "cosine_with_restarts", "polynomial", "inverse_sqrt"),
        new("trl_loss", "mismatch", "weights for a rollout engine that differs from the trainer belong to remote engines"),
        new("trl_loss", "trl", "not offered", "loss_type", "sapo", "vespo", "luspo"),
        new("trl_loss", "trl", "not offered", "options", "opsm", "entropy", "bias_kl"),
        new("update", "update", "the original fails here and no corrected value is given", WithoutExpectation),
        new("policy_loss", "policy", "the original fails here and no corrected value is given", WithoutExpectation),
    ];

    public static string? ReasonFor(string topic, JsonElement c) =>
        Table.FirstOrDefault(s => s.Topic == topic && s.Kind == (RlGolden.Text(c, "kind") ?? "") && Matches(s, c))?.Reason;

    [Fact]
    [Trait("Category", "Parity")]
    public void Every_topic_is_run_or_skipped_by_name()
    {
        string[] topics = [.. Directory.GetFiles(SharedFiles.Require("goldens", "rl"), "*.json").Select(f => Path.GetFileNameWithoutExtension(f))];
        Assert.NotEmpty(topics);
        Assert.Empty(topics.Except(RunTopics).Except(WholeTopics.Keys));
    }

    private static bool Matches(Skip skip, JsonElement c)
    {
        if (skip.Field is null)
        {
            return true;
        }

        if (skip.Field == WithoutExpectation)
        {
            return !c.TryGetProperty("correct", out _) && RlGolden.Text(c.GetProperty("original"), "status") == "error";
        }

        return c.TryGetProperty(skip.Field, out JsonElement value) && (value.ValueKind == JsonValueKind.Object
            ? value.EnumerateObject().Any(p => skip.Values.Contains(p.Name))
            : skip.Values.Contains(value.GetString()));
    }
}
