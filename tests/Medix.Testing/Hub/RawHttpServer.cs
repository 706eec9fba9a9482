using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Medix.Testing.Hub;

/// <summary>A request as it came: nothing is added, decoded or left out.</summary>
public sealed record RawRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>A header's value, or null.</summary>
    public string? Header(string name) => Headers.GetValueOrDefault(name);
}

/// <summary>An answer, with the ways in which it may go wrong.</summary>
public sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>The Content-Length that is told, where it is not the body's; -1 for none.</summary>
    public long? DeclaredLength { get; init; }

    /// <summary>Bytes of the body after which the connection is closed.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Bytes of the body after which nothing more comes until the server ends.</summary>
    public int? StallAfter { get; init; }

    /// <summary>Bytes that are sent at once, with 20 ms between; null for all.</summary>
    public int? Drip { get; init; }

    /// <summary>Awaited before the body is sent.</summary>
    public Task? Gate { get; init; }

    /// <summary>A JSON answer.</summary>
    public static RawAnswer Json(int status, string json, params (string Name, string Value)[] headers) => new(
        status,
        new Dictionary<string, string>(headers.Select(h => KeyValuePair.Create(h.Name, h.Value)).Append(new("Content-Type", "application/json"))),
        Encoding.UTF8.GetBytes(json));
}

/// <summary>
/// An HTTP/1.1 server on a port of this machine that sends what it is told byte for byte, so that it can do what well-behaved servers do not:
/// cut a body, lie about its length, send drop by drop, fall silent. One request a connection.
/// </summary>
public sealed class RawHttpServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ended = new();
    private readonly Func<RawRequest, RawAnswer> answer;
    private readonly ConcurrentQueue<RawRequest> requests = new();

    /// <summary>Starts; <paramref name="host"/> is the name under which it is known: 127.0.0.1 and localhost are two hosts to a client.</summary>
    public RawHttpServer(string host, Func<RawRequest, RawAnswer> answer)
    {
        this.answer = answer;
        listener.Start();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{host}:{((IPEndPoint)listener.LocalEndpoint).Port}/"));
        _ = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>All requests so far, in the order they came.</summary>
    public IReadOnlyList<RawRequest> Requests => [.. requests];

    /// <inheritdoc />
    public void Dispose()
    {
        ended.Cancel();
        listener.Stop();
    }

    private async Task AcceptAsync()
    {
        while (!ended.IsCancellationRequested)
        {
            TcpClient client;
            try
            {
                client = await listener.AcceptTcpClientAsync(ended.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return; // the server has ended
            }

            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                if (await ReadAsync(stream) is { } request)
                {
                    requests.Enqueue(request);
                    await WriteAsync(stream, request, answer(request));
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                return; // the client went away, or the test is over
            }
        }
    }

    private async Task<RawRequest?> ReadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (!(head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n'))
        {
            if (await stream.ReadAsync(one, ended.Token) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        return new RawRequest(first[0], first[1], headers);
    }

    private async Task WriteAsync(NetworkStream stream, RawRequest request, RawAnswer answer)
    {
        bool bodiless = request.Method == "HEAD";
        long declared = answer.DeclaredLength ?? answer.Body.Length;
        var head = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {answer.Status} Status\r\nConnection: close\r\n"));
        foreach ((string name, string value) in answer.Headers.Where(h => !h.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)))
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        if (declared >= 0)
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {declared}\r\n");
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), ended.Token);
        if (bodiless)
        {
            return;
        }

        if (answer.Gate is not null)
        {
            await answer.Gate.WaitAsync(ended.Token);
        }

        int length = Math.Min(answer.Body.Length, Math.Min(answer.CutAfter ?? int.MaxValue, answer.StallAfter ?? int.MaxValue));
        for (int sent = 0; sent < length;)
        {
            int next = Math.Min(answer.Drip ?? length, length - sent);
            await stream.WriteAsync(answer.Body.AsMemory(sent, next), ended.Token);
            sent += next;
            if (sent < length)
            {
                await Task.Delay(20, ended.Token);
            }
        }

        if (answer.StallAfter is not null)
        {
            await Task.Delay(Timeout.Infinite, ended.Token);
        }
    }
}
