using System.Net;
using System.Text.Json;
using Medix.Clients;
using Medix.Core.Tests.Clients;
using Medix.Judging;
using Medix.Rewards;
using Medix.Testing;

namespace Medix.Core.Tests.Rewards;

/// <summary>Mode medix-r1 against the original's scores, through the real chat client over a scripted endpoint.</summary>
[Trait("Category", "Parity")]
public class MedixR1ParityTests
{
    private static readonly EndpointOptions Endpoint = new() { Url = "http://judge.test/v1", Model = "Qwen/Qwen3-4B-Instruct-2507", Retries = 0 };

    [Fact]
    public async Task Every_response_gets_the_original_scores()
    {
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(SharedFiles.Require("goldens", "reward", "reward.json"), Token));
        List<string> wrong = [];
        int rows = 0;
        foreach (JsonElement row in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            rows++;
            wrong.AddRange(await CheckAsync(row));
        }

        Assert.True(rows > 0, "reward.json holds no case");
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task Requests_have_the_original_fields()
    {
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(SharedFiles.Require("goldens", "reward", "reward.json"), Token));
        JsonElement fields = document.RootElement.GetProperty("meta").GetProperty("judge_request_fields");
        FakeEndpoint endpoint = new((_, _) => FakeEndpoint.Reply("\"NO\""));
        using HttpClient http = EndpointHttp.Create(Endpoint, endpoint);
        await JudgeOver(http).JudgeAsync([new JudgeCase("", "left", "right")], Token);

        using JsonDocument body = JsonDocument.Parse(Assert.Single(endpoint.Bodies));
        Assert.All(fields.EnumerateObject(), field => Assert.True(JsonElement.DeepEquals(field.Value, body.RootElement.GetProperty(field.Name)), field.Name));
    }

    [Fact]
    public async Task Unusual_calls_end_as_in_the_original()
    {
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(SharedFiles.Require("goldens", "reward", "calls.json"), Token));
        int rows = 0;
        foreach (JsonElement row in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            rows++;
            string name = row.GetProperty("name").GetString()!;
            Exception? error = await Record.ExceptionAsync(async () => Assert.Empty(await CheckCallAsync(row)));
            bool expected = row.TryGetProperty("error", out _);
            Assert.True(expected == error is Medix.Runs.MedixException or JsonException, $"{name}: {error}");
            Assert.True(expected || error is null, $"{name}: {error}");
        }

        Assert.True(rows > 0, "calls.json holds no case");
    }

    [Fact]
    public async Task Equal_pairs_are_judged_and_embedded_once()
    {
        FakeChat chat = new(_ => "YES");
        FakeEmbedder embedder = new(text => [text.Length, 1]);
        MedixR1Reward reward = new(Judge.ByModel(chat, new ModelJudgeOptions { Protocol = JudgeProtocol.MedixR1 }), embedder);
        MedixR1Input input = new() { Response = "<answer>left lung</answer>", GroundTruth = "<X_RAY>\nright lung" };
        await reward.ScoreAsync([.. Enumerable.Repeat(input, 50)], Token);
        Assert.Equal(1, chat.Calls);
        Assert.Equal(2, embedder.Texts.Count);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<IEnumerable<string>> CheckAsync(JsonElement row)
    {
        string id = row.GetProperty("id").GetString() + " " + row.GetProperty("shape").GetString();
        FakeEndpoint endpoint = new((_, _) => Scripted(row.GetProperty("judge")));
        using HttpClient http = EndpointHttp.Create(Endpoint, endpoint);
        string reference = row.GetProperty("ground_truth").GetString()!;
        JsonElement trace = row.GetProperty("trace");
        int embedded = 0;
        FakeEmbedder embedder = new(_ => Vector(row.GetProperty("vectors"), embedded++));
        MedixR1Reward reward = new(JudgeOver(http), embedder, row.GetProperty("format_weight").GetDouble());
        RewardReport report = Assert.Single(await reward.ScoreAsync([new MedixR1Input { Response = Response(row), GroundTruth = reference }], Token));

        List<string> wrong = [.. Differences(report, row.GetProperty("expected")).Select(text => $"{id}: {text}")];
        bool judged = trace.GetProperty("judge_called").GetBoolean();
        bool compared = trace.GetProperty("embedder_called").GetBoolean();
        if (judged != endpoint.Calls > 0 || compared != embedder.Texts.Count > 0)
        {
            wrong.Add($"{id}: judge called {endpoint.Calls} times, embedder given {embedder.Texts.Count} texts");
        }

        bool asked = endpoint.Bodies.All(body => Says(body, trace.GetProperty("judge_predicted")) && Says(body, trace.GetProperty("judge_ground_truth")));
        return asked ? wrong : [.. wrong, $"{id}: the judge was given other strings"];
    }

    private static IEnumerable<string> Differences(RewardReport report, JsonElement expected)
    {
        double overall = expected.GetProperty("overall").GetDouble();
        if (!(Math.Abs(report.Total!.Value - overall) <= 1e-15))
        {
            yield return $"overall {report.Total:R}, expected {overall:R}";
        }

        (string Golden, string Term)[] terms =
        [
            ("format", RewardTerms.Format), ("accuracy_llm", RewardTerms.Judge), ("accuracy_embed", RewardTerms.Embedding), ("modality", RewardTerms.Modality),
        ];
        foreach ((string golden, string term) in terms)
        {
            double value = report.Terms.Single(result => result.Term == term).Value;
            if (value != expected.GetProperty(golden).GetDouble())
            {
                yield return $"{term} {value}, expected {expected.GetProperty(golden)}";
            }
        }
    }

    private static async Task<IEnumerable<string>> CheckCallAsync(JsonElement row)
    {
        // A null list stands for JSON null; a missing key and anything but a list are errors of the reader, as they are of the original.
        List<MedixR1Input> inputs = row.GetProperty("input").Deserialize<List<MedixR1Input>>() ?? throw new JsonException("null");
        Judge judge = Judge.ByModel(new FakeChat(_ => "NO"), new ModelJudgeOptions { Protocol = JudgeProtocol.MedixR1 });
        MedixR1Reward reward = new(judge, new FakeEmbedder(_ => [1]));
        IReadOnlyList<RewardReport> reports = await reward.ScoreAsync(inputs, Token);
        JsonElement[] expected = [.. row.GetProperty("result").EnumerateArray()];
        Assert.Equal(expected.Length, reports.Count);
        return reports.Zip(expected).SelectMany(pair => Differences(pair.First, pair.Second));
    }

    private static Judge JudgeOver(HttpClient http) =>
        Judge.ByModel(new OpenAiChatClient(http, Endpoint.Model), new ModelJudgeOptions { Protocol = JudgeProtocol.MedixR1 });

    private static string Response(JsonElement row) => row.TryGetProperty("response", out JsonElement whole)
        ? whole.GetString()!
        : string.Concat(row.GetProperty("response_pieces").EnumerateArray()
            .Select(piece => string.Concat(Enumerable.Repeat(piece[0].GetString()!, piece[1].GetInt32()))));

    private static HttpResponseMessage Scripted(JsonElement judge)
    {
        if (judge.TryGetProperty("error", out JsonElement error))
        {
            throw new HttpRequestException(error.GetString());
        }

        if (judge.TryGetProperty("body", out JsonElement body))
        {
            return FakeEndpoint.Json(body.GetRawText());
        }

        HttpResponseMessage reply = FakeEndpoint.Reply(judge.GetProperty("reply").GetRawText());
        reply.StatusCode = judge.TryGetProperty("status", out JsonElement status) ? (HttpStatusCode)status.GetInt32() : HttpStatusCode.OK;
        return reply;
    }

    /// <summary>The answer is embedded first, then the reference.</summary>
    private static float[] Vector(JsonElement vectors, int place) => vectors.ValueKind == JsonValueKind.Null
        ? throw new HttpRequestException("the embedder fails")
        : [.. vectors[place].EnumerateArray().Select(value => value.ValueKind == JsonValueKind.String ? float.NaN : (float)value.GetDouble())];

    private static bool Says(string body, JsonElement text)
    {
        using JsonDocument document = JsonDocument.Parse(body);
        string prompt = document.RootElement.GetProperty("messages")[0].GetProperty("content").GetString()!;
        return text.ValueKind switch
        {
            JsonValueKind.String => prompt.Contains(text.GetString()!, StringComparison.Ordinal),
            JsonValueKind.Object => prompt.Contains(text.GetProperty("start").GetString()!, StringComparison.Ordinal)
                && prompt.Length > text.GetProperty("length").GetInt32(),
            _ => true,
        };
    }
}
