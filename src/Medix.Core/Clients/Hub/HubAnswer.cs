using System.Globalization;

namespace Medix.Clients.Hub;

/// <summary>A cancellation that also comes with the caller's, on a given clock.</summary>
internal sealed class Silence : IDisposable
{
    private readonly CancellationTokenRegistration registration;

    public Silence(TimeProvider time, CancellationToken outer)
    {
        Source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        registration = outer.Register(static s => ((CancellationTokenSource)s!).Cancel(), Source);
    }

    public CancellationTokenSource Source { get; }

    public void Dispose()
    {
        registration.Dispose();
        Source.Dispose();
    }
}

/// <summary>What the hub itself says of a file on the way to its bytes; the first hop that speaks is right, for later hops are storage.</summary>
internal sealed class LinkedHeaders
{
    public string? Commit { get; private set; }

    public string? Etag { get; private set; }

    public long? Size { get; private set; }

    public bool Xet { get; private set; }

    public void Take(HttpResponseMessage response)
    {
        Commit ??= HubAnswer.HeaderOf(response, "X-Repo-Commit");
        Etag ??= HubAnswer.HeaderOf(response, "X-Linked-ETag");
        Size ??= long.TryParse(HubAnswer.HeaderOf(response, "X-Linked-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out long size) ? size : null;
        Xet |= HubAnswer.HeaderOf(response, "X-Xet-Hash") is not null;
    }
}

/// <summary>An answer with where it came from after redirects.</summary>
internal sealed record HubAnswer(HttpResponseMessage Response, Uri Uri, LinkedHeaders Linked) : IDisposable
{
    /// <summary>The other origin that the answer points to, where it was not followed.</summary>
    public Uri? Location { get; init; }

    public string? Header(string name) => HeaderOf(Response, name);

    public static string? HeaderOf(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : null;

    public void Dispose() => Response.Dispose();
}
