namespace Medix.Clients;

/// <summary>An OpenAI-compatible endpoint and how patiently it is asked.</summary>
public sealed record EndpointOptions
{
    /// <summary>The address up to and including the version, for example <c>http://localhost:8085/v1</c>.</summary>
    public required string Url { get; init; }

    /// <summary>The model's name as the endpoint knows it.</summary>
    public required string Model { get; init; }

    /// <summary>The environment variable that holds the key, or null where none is needed. The key itself is never part of a recipe or a record.</summary>
    public string? KeyVariable { get; init; }

    /// <summary>Seconds that one try may take, above 0, at most 3600.</summary>
    public double TimeoutSeconds { get; init; } = 60;

    /// <summary>Further tries after a failed one (no connection, timeout, status 408, 429 or 5xx), 0 to 20.</summary>
    public int Retries { get; init; } = 4;

    /// <summary>Seconds before the first further try; they double each time, with jitter, and an answer's <c>Retry-After</c> goes first. 0 to 60.</summary>
    public double RetryDelaySeconds { get; init; } = 0.5;

    /// <summary>All that is wrong with these options, under the field's name in <paramref name="path"/>; empty when they can be used.</summary>
    public IReadOnlyList<string> Problems(string path)
    {
        List<string> problems = [];
        if (!Uri.TryCreate(Url, UriKind.Absolute, out Uri? url) || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps))
        {
            problems.Add($"{path}.url is '{Url}'; expected an http or https address such as http://localhost:8085/v1.");
        }

        if (string.IsNullOrWhiteSpace(Model))
        {
            problems.Add($"{path}.model is empty; expected the model's name as the endpoint lists it under /models.");
        }

        if (KeyVariable is not null && string.IsNullOrEmpty(Environment.GetEnvironmentVariable(KeyVariable)))
        {
            problems.Add($"{path}.keyVariable is '{KeyVariable}'; expected an environment variable that holds the endpoint's key, and it is not set.");
        }

        if (!(TimeoutSeconds is > 0 and <= 3600))
        {
            problems.Add(FormattableString.Invariant($"{path}.timeoutSeconds is {TimeoutSeconds}; expected above 0 and at most 3600."));
        }

        if (Retries is < 0 or > 20)
        {
            problems.Add($"{path}.retries is {Retries}; expected 0 to 20.");
        }

        if (!(RetryDelaySeconds is >= 0 and <= 60))
        {
            problems.Add(FormattableString.Invariant($"{path}.retryDelaySeconds is {RetryDelaySeconds}; expected 0 to 60."));
        }

        return problems;
    }
}
