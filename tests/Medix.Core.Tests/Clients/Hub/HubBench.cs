using System.Collections.Concurrent;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>A stand-in hub, an empty cache and clients of both; time passes a thousand times as fast.</summary>
internal sealed class HubBench : IDisposable
{
    public const string Id = "medix/tiny";
    public static readonly string Commit = new('a', 40);

    public HubBench() => Home = Directory.CreateTempSubdirectory("medix-hub-").FullName;

    public HubStandIn StandIn { get; } = new();

    public string Home { get; }

    public string Cache => Path.Combine(Home, "hub");

    public HastyTime Time { get; } = new();

    public PullMeter Meter { get; private set; } = new();

    /// <summary>Changes the options of clients made from now on.</summary>
    public Func<HubOptions, HubOptions> Tune { get; set; } = o => o;

    /// <summary>Free bytes of the disk; null for the true ones.</summary>
    public long? Free { get; set; }

    public HubOptions Options => Tune(new HubOptions
    {
        Endpoint = StandIn.Hub.Address, CacheFolder = Cache, RangeBytes = 1000, Connections = 3, Retries = 3, RetryDelaySeconds = 1, TimeoutSeconds = 3600,
    });

    public IEnumerable<RawRequest> Requests => StandIn.Hub.Requests.Concat(StandIn.Storage.Requests);

    /// <summary>Bytes that depend on the seed.</summary>
    public static byte[] Bytes(ulong seed, int count)
    {
        SeededRandom random = Seed.Random(seed);
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)random.NextBits();
        }

        return bytes;
    }

    /// <summary>The usual repository: two small files, one large.</summary>
    public StandInRepository AddTiny(int largeBytes = 3500)
    {
        StandInRepository repository = StandIn.Add(Id, commit: Commit);
        repository.Add("config.json", "{}"u8.ToArray());
        repository.Add("sub/dir/notes.txt", Bytes(3, 40));
        repository.Add("model.safetensors", Bytes(4, largeBytes), large: true);
        return repository;
    }

    public Task<PullResult> PullAsync(PullSettings? settings = null, string id = Id, HubKind kind = HubKind.Model) =>
        PullUntilAsync(TestContext.Current.CancellationToken, settings, id, kind);

    public async Task<PullResult> PullUntilAsync(CancellationToken token, PullSettings? settings = null, string id = Id, HubKind kind = HubKind.Model)
    {
        Meter = new PullMeter();
        using var client = Free is { } free
            ? new HubClient(Options, Meter, time: Time) { FreeBytes = _ => free }
            : new HubClient(Options, Meter, time: Time);
        return await client.PullAsync(HubRepository.Parse(id, kind), settings ?? new PullSettings(), token);
    }

    /// <summary>The error of a pull that must fail with the given kind.</summary>
    public async Task<string> FailAsync(HubFault fault, PullSettings? settings = null, string id = Id)
    {
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => PullAsync(settings, id));
        Assert.True(HubFaults.Of(error) == fault, $"{HubFaults.Of(error)} and not {fault}: {error.Message}");
        return error.Message;
    }

    public string BlobPath(StandInFile file, string id = Id) => Path.Combine(Cache, "models--" + id.Replace("/", "--", StringComparison.Ordinal), "blobs", file.Etag);

    /// <summary>The notes of the last pull.</summary>
    public IReadOnlyList<string> TakeNotes()
    {
        List<string> notes = [];
        while (Meter.TryTakeNote(out string note))
        {
            notes.Add(note);
        }

        return notes;
    }

    public static void AssertHolds(StandInRepository repository, string folder)
    {
        foreach ((string path, StandInFile file) in repository.Files)
        {
            Assert.Equal(file.Bytes, File.ReadAllBytes(Path.Combine(folder, path)));
        }
    }

    public void AssertNothingPartial() => Assert.DoesNotContain(
        Directory.EnumerateFiles(Home, "*", SearchOption.AllDirectories),
        f => f.Contains(".incomplete", StringComparison.Ordinal) || f.EndsWith(".tmp", StringComparison.Ordinal));

    public void Dispose()
    {
        StandIn.Dispose();
        Directory.Delete(Home, recursive: true);
    }
}

/// <summary>A clock whose timers run out a thousand times as fast; it remembers what was waited for.</summary>
internal sealed class HastyTime : TimeProvider
{
    private readonly ConcurrentQueue<TimeSpan> waits = new();

    public IReadOnlyCollection<TimeSpan> Waits => waits;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero)
        {
            waits.Enqueue(dueTime);
        }

        return new HastyTimer(System.CreateTimer(callback, state, Hasten(dueTime), period));
    }

    private static TimeSpan Hasten(TimeSpan time) => time > TimeSpan.Zero ? time / 1000 : time;

    private sealed class HastyTimer(ITimer inner) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(Hasten(dueTime), period);

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
