using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Authentication;
using Medix.Runs;
using Polly;
using Polly.Retry;

namespace Medix.Clients.Hub;

/// <summary>
/// Requests to a hub: the token goes to the hub's own origin only, redirects are followed by hand so that this holds on every hop, what may pass is tried again with
/// backoff, and a wait that the hub asks for is kept.
/// </summary>
internal sealed class HubHttp : IDisposable
{
    private const int MaxRedirects = 10;
    private const int MaxBufferedBytes = 64 << 20;
    private readonly HttpClient client;
    private readonly HubOptions options;
    private readonly TimeProvider time;
    private readonly ResiliencePipeline<HubAnswer> pipeline;

    public HubHttp(HubOptions options, HttpMessageHandler? handler, TimeProvider time, Action<string> note)
    {
        (this.options, this.time) = (options, time);
        client = new HttpClient(handler ?? new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(options.TimeoutSeconds),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        string version = typeof(HubHttp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("medix", version));
        pipeline = BuildPipeline(note);
    }

    /// <summary>
    /// Sends the request and returns the answer with its headers read, of whatever status.
    /// With <paramref name="leaveHost"/> false a redirect to another origin is itself the answer.
    /// With <paramref name="buffered"/> the whole body is read too, under the same retries.
    /// </summary>
    /// <exception cref="MedixException">The hub cannot be reached, does not answer in time, or redirects to where it must not.</exception>
    public async Task<HubAnswer> SendAsync(
        HttpMethod method, Uri uri, ByteRange? range, bool leaveHost, bool buffered, CancellationToken cancellationToken)
    {
        try
        {
            return await pipeline.ExecuteAsync(
                async token => await FollowAsync(method, uri, range, leaveHost, buffered, token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw HubFaults.Network(HubFault.TimedOut, uri, options.Retries + 1, e.Message, e);
        }
        catch (HttpRequestException e)
        {
            throw HubFaults.Network(HubFault.NoConnection, uri, MayPass(e) ? options.Retries + 1 : 1, Reason(e), e);
        }
    }

    /// <summary>Reads a piece of a body; too long a silence is a <see cref="TimeoutException"/>, a broken connection an <see cref="HttpRequestException"/>.</summary>
    public async Task<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationTokenSource silence, CancellationToken cancellationToken)
    {
        silence.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        try
        {
            return await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Silent();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new HttpRequestException(e.Message, e);
        }
    }

    /// <summary>A source that <see cref="ReadAsync"/> restarts with every read, on this client's clock.</summary>
    public Silence BeginReading(CancellationToken cancellationToken) => new(time, cancellationToken);

    /// <summary>Waits before the next try after <paramref name="failures"/> in a row.</summary>
    public Task BackOffAsync(int failures, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(Math.Min(options.RetryDelaySeconds * Math.Pow(2, failures - 1), 60)), time, cancellationToken);

    public void Dispose() => client.Dispose();

    private async Task<HubAnswer> FollowAsync(HttpMethod method, Uri uri, ByteRange? range, bool leaveHost, bool buffered, CancellationToken cancellationToken)
    {
        var linked = new LinkedHeaders();
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            HttpResponseMessage response = await SendOnceAsync(method, uri, range, buffered, cancellationToken).ConfigureAwait(false);
            linked.Take(response);
            if (!IsRedirect(response))
            {
                return new HubAnswer(response, uri, linked);
            }

            Uri target = Target(uri, response);
            if (!leaveHost && !SameOrigin(target, options.Endpoint))
            {
                return new HubAnswer(response, uri, linked) { Location = target };
            }

            response.Dispose();
            uri = target;
        }

        throw HubFaults.BadAnswer($"{uri.Host} redirects more than {MaxRedirects} times.");
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, Uri uri, ByteRange? range, bool buffered, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(method, uri);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity")); // hashes and ranges are those of the plain bytes
        if (options.Token is not null && SameOrigin(uri, options.Endpoint))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", options.Token);
        }

        if (range is { } bytes)
        {
            request.Headers.Range = new RangeHeaderValue(bytes.Start, bytes.End - 1);
        }

        using Silence silence = BeginReading(cancellationToken);
        silence.Source.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        HttpResponseMessage? response = null;
        try
        {
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Source.Token).ConfigureAwait(false);
            if (buffered || IsShortError(response, method))
            {
                await response.Content.LoadIntoBufferAsync(MaxBufferedBytes, silence.Source.Token).ConfigureAwait(false);
            }

            HttpResponseMessage whole = response;
            response = null;
            return whole;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Silent();
        }
        catch (IOException e)
        {
            throw new HttpRequestException(e.Message, e);
        }
        finally
        {
            response?.Dispose();
        }
    }

    // The hub's reason comes as a few bytes of JSON; they are read here, where time is watched.
    internal static bool IsShortError(HttpResponseMessage response, HttpMethod method) =>
        !response.IsSuccessStatusCode && method != HttpMethod.Head
        && response.Content.Headers is { ContentType.MediaType: "application/json", ContentLength: > 0 and < 65536 };

    private ResiliencePipeline<HubAnswer> BuildPipeline(Action<string> note)
    {
        var builder = new ResiliencePipelineBuilder<HubAnswer> { TimeProvider = time };
        if (options.Retries == 0)
        {
            return builder.Build();
        }

        return builder.AddRetry(new RetryStrategyOptions<HubAnswer>
        {
            MaxRetryAttempts = options.Retries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(options.RetryDelaySeconds),
            ShouldHandle = a => ValueTask.FromResult(a.Outcome.Exception is TimeoutException || (a.Outcome.Exception is HttpRequestException e && MayPass(e))
                || (a.Outcome.Result is { } answer && MayPass(answer.Response.StatusCode) && !(Wait(answer) > TimeSpan.FromSeconds(options.MaxWaitSeconds)))),
            DelayGenerator = a => ValueTask.FromResult(a.Outcome.Result is { } answer ? Wait(answer) : null),
            OnRetry = a =>
            {
                string what = a.Outcome.Result is { } answer
                    ? string.Create(CultureInfo.InvariantCulture, $"{answer.Uri.Host} answered {(int)answer.Response.StatusCode}")
                    : a.Outcome.Exception!.Message;
                note(string.Create(CultureInfo.InvariantCulture, $"{what}; trying again in {a.RetryDelay.TotalSeconds:0.0} s"));
                return ValueTask.CompletedTask;
            },
        }).Build();
    }

    /// <summary>The wait that an answer asks for: <c>Retry-After</c> in seconds or as a date, else the <c>t</c> of <c>RateLimit</c>.</summary>
    private TimeSpan? Wait(HubAnswer answer)
    {
        if (answer.Response.Headers.RetryAfter is { } after)
        {
            TimeSpan? wait = after.Delta ?? after.Date - time.GetUtcNow();
            return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
        }

        string? seconds = answer.Header("RateLimit")?.Split(';').Select(p => p.Trim()).FirstOrDefault(p => p.StartsWith("t=", StringComparison.Ordinal))?[2..];
        return answer.Response.StatusCode == HttpStatusCode.TooManyRequests && int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out int t)
            ? TimeSpan.FromSeconds(t)
            : null;
    }

    private TimeoutException Silent() => new(string.Create(CultureInfo.InvariantCulture, $"nothing arrived for {options.TimeoutSeconds} s."));

    private static bool MayPass(HttpStatusCode status) => (int)status is 408 or 429 or 500 or 502 or 503 or 504;

    // A name that does not exist or a certificate that is not trusted will not get better in seconds.
    private static bool MayPass(HttpRequestException e) =>
        e.HttpRequestError is not HttpRequestError.SecureConnectionError
        && e.InnerException is not AuthenticationException and not SocketException { SocketErrorCode: SocketError.HostNotFound };

    private static string Reason(HttpRequestException e) => e.Message.EndsWith('.') ? e.Message : e.Message + ".";

    private static bool IsRedirect(HttpResponseMessage response) => (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is not null;

    private static Uri Target(Uri from, HttpResponseMessage response)
    {
        Uri target = new(from, response.Headers.Location!);
        bool plain = target.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp;
        if (target.Scheme == Uri.UriSchemeHttps || plain)
        {
            return target;
        }

        response.Dispose();
        throw HubFaults.BadAnswer($"{from.Host} redirects to {target.Scheme}://{target.Host}, which is not followed: expected https (or http from http).");
    }

    private static bool SameOrigin(Uri a, Uri b) => a.Scheme == b.Scheme && a.Port == b.Port && string.Equals(a.Host, b.Host, StringComparison.OrdinalIgnoreCase);
}
