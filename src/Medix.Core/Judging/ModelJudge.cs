using System.Net;
using System.Text.Json;
using Medix.Text;
using Microsoft.Extensions.AI;
using Polly.CircuitBreaker;
using Polly.RateLimiting;
using Polly.Timeout;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;

namespace Medix.Judging;

/// <summary>How a model is asked and its reply read.</summary>
public enum JudgeProtocol
{
    /// <summary>
    /// Question, reference and answer as one JSON object that the answer cannot break out of; the reply must be a JSON verdict or begin with the
    /// bare word. Anything else is no verdict.
    /// </summary>
    Strict,

    /// <summary>
    /// MediX-R1's: reference and answer in plain text, four tokens, yes wherever the reply holds "YES". Its defects are known (arXiv 2602.23363
    /// code); for comparison only.
    /// </summary>
    MedixR1,
}

/// <summary>How a model judges.</summary>
public sealed record ModelJudgeOptions
{
    /// <summary>How the model is asked.</summary>
    public JudgeProtocol Protocol { get; init; } = JudgeProtocol.Strict;

    /// <summary>Requests under way at once, 1 to 256.</summary>
    public int MaxConcurrency { get; init; } = 8;

    /// <summary>Tokens the model may use for its reply, reasoning included, 4 to 32768 (always 4 under <see cref="JudgeProtocol.MedixR1"/>).</summary>
    public int MaxOutputTokens { get; init; } = 256;

    /// <summary>All that is wrong with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        if (MaxConcurrency is < 1 or > 256)
        {
            problems.Add($"judge.maxConcurrency is {MaxConcurrency}; expected 1 to 256.");
        }

        if (MaxOutputTokens is < 4 or > 32768)
        {
            problems.Add($"judge.maxOutputTokens is {MaxOutputTokens}; expected 4 to 32768.");
        }

        return problems;
    }
}

/// <summary>Asks a model for verdicts, several at once; every failure becomes a verdict of null with its reason, never a zero.</summary>
internal sealed class ModelJudge(IChatClient client, ModelJudgeOptions options)
{
    private readonly string _prompt = ClinicalLexicon.Resource(options.Protocol == JudgeProtocol.Strict ? "judge.md" : "judge-medix-r1.md");

    /// <summary>Who decides.</summary>
    public string Name { get; } = "model judge " + ((client.GetService(typeof(ChatClientMetadata)) as ChatClientMetadata)?.DefaultModelId ?? "(unnamed)");

    /// <summary>One verdict per case, in order.</summary>
    public async Task<Verdict[]> JudgeAsync(JudgeCase[] cases, CancellationToken cancellationToken)
    {
        Verdict[] verdicts = new Verdict[cases.Length];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = options.MaxConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, cases.Length, parallel, async (i, token) => verdicts[i] = await JudgeOneAsync(cases[i], token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return verdicts;
    }

    private async Task<Verdict> JudgeOneAsync(JudgeCase each, CancellationToken cancellationToken)
    {
        bool strict = options.Protocol == JudgeProtocol.Strict;
        if (strict && Judge.Settled(each, Name) is Verdict settled)
        {
            return settled;
        }

        try
        {
            ChatResponse response = await client.GetResponseAsync(Ask(each), Request(), cancellationToken).ConfigureAwait(false);
            return strict
                ? VerdictReader.Read(response.Text, Name)
                : new Verdict(PythonText.Upper(response.Text).Contains("YES", StringComparison.Ordinal), Name, "");
        }
        catch (Exception failure) when (Reason(failure, cancellationToken) is not null)
        {
            return new Verdict(null, Name, Reason(failure, cancellationToken)!);
        }
    }

    private List<ChatMessage> Ask(JudgeCase each)
    {
        if (options.Protocol == JudgeProtocol.MedixR1)
        {
            // The reference goes in first: a placeholder in the model's answer stays what it is.
            string[] parts = _prompt.Split(["{answer}", "{reference}"], StringSplitOptions.None);
            return [new ChatMessage(ChatRole.User, parts[0] + each.Answer + parts[1] + each.Reference + parts[2])];
        }

        // The serializer escapes quotes, line ends and angle brackets, so the answer can end neither its string nor the message.
        string data = JsonSerializer.Serialize(new { question = each.Question, reference = each.Reference, answer = each.Answer });
        return [new ChatMessage(ChatRole.System, _prompt), new ChatMessage(ChatRole.User, data)];
    }

    private ChatOptions Request() => options.Protocol == JudgeProtocol.Strict
        ? new ChatOptions { Temperature = 0, MaxOutputTokens = options.MaxOutputTokens }
        : new ChatOptions
        {
            Temperature = 0,
            TopP = 1,
            MaxOutputTokens = 4,
            AdditionalProperties = new() { ["chat_template_kwargs"] = new Dictionary<string, object?> { ["enable_thinking"] = false } },
        };

    /// <summary>A failure of the endpoint in words; null for cancellation and defects of our own, which must not be swallowed.</summary>
    internal static string? Reason(Exception failure, CancellationToken cancellationToken) => failure switch
    {
        _ when cancellationToken.IsCancellationRequested => null,
        HttpRequestException { StatusCode: HttpStatusCode status } http => $"HTTP {(int)status}: {http.Message}",
        HttpRequestException http => $"no connection: {http.Message}",
        TimeoutRejectedException timeout => $"timeout: no reply within {timeout.Timeout.TotalSeconds:0.###} s",
        RateLimiterRejectedException or BrokenCircuitException => $"not sent: {failure.Message}",
        OperationCanceledException => "timeout: the request was given up",
        JsonException or InvalidDataException or IOException => $"the reply could not be read: {failure.Message}",
        _ => null,
    };
}
