using System.Globalization;
using CsCheck;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>Downloads that break, lie, stall or come back.</summary>
public sealed class TransferTests : IDisposable
{
    private readonly HubBench bench = new();
    private int count;

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task A_cut_goes_on_where_it_broke_off()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { Connections = 1 };
        bench.StandIn.Change = (r, a) => IsStorage(r) && count++ is 1 or 2 ? a with { CutAfter = 300 } : a;
        PullResult result = await bench.PullAsync();
        HubBench.AssertHolds(repository, result.Folder);
        Assert.Equal(
            ["bytes=0-999", "bytes=1000-1999", "bytes=1300-1999", "bytes=1600-1999", "bytes=2000-2999", "bytes=3000-3499"],
            bench.StandIn.Storage.Requests.Select(r => r.Header("Range")));
        Assert.Equal(3542, result.ReceivedBytes);
    }

    [Fact]
    public async Task Cuts_without_progress_end_in_an_error_and_leave_what_arrived()
    {
        bench.AddTiny();
        bench.Tune = o => o with { Connections = 1 };
        bench.StandIn.Change = (r, a) => IsStorage(r) && count++ > 0 ? a with { CutAfter = 0 } : a;
        Assert.Contains("same command continues", await bench.FailAsync(HubFault.Cut), StringComparison.Ordinal);
        Assert.Equal(1 + 4, bench.StandIn.Storage.Requests.Count);

        bench.StandIn.Change = (_, a) => a;
        Assert.Equal(2500, (await bench.PullAsync()).ReceivedBytes);
    }

    [Fact]
    public async Task However_it_is_cut_every_byte_comes_once_and_the_file_is_whole() =>
        await Gen.Select(Gen.Int[1, 4], Gen.Int[0, 1100].Array[0, 14]).SampleAsync(
            async (connections, cuts) =>
            {
                using var own = new HubBench();
                StandInRepository repository = own.AddTiny();
                own.Tune = o => o with { Connections = connections, Retries = 1 };
                int next = -1;
                own.StandIn.Change = (r, a) => IsStorage(r) && Interlocked.Increment(ref next) is var i && i < cuts.Length ? a with { CutAfter = cuts[i] } : a;
                long received = 0;
                for (bool whole = false; !whole;)
                {
                    try
                    {
                        await own.PullAsync();
                        whole = true;
                    }
                    catch (MedixException e)
                    {
                        Assert.Equal(HubFault.Cut, HubFaults.Of(e));
                    }

                    received += own.Meter.ReceivedBytes;
                }

                Assert.Equal(3542, received);
                HubBench.AssertHolds(repository, new HubCache(own.Cache).FindSnapshot(HubRepository.Parse(HubBench.Id))!);
            },
            iter: 40, threads: 2);

    [Fact]
    public async Task An_interrupted_pull_is_continued_with_exactly_the_missing_ranges()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { Connections = 4 };

        // Three ranges come in whole, the second stops after 250 bytes for good.
        bench.StandIn.Change = (r, a) => r.Header("Range") == "bytes=1000-1999" ? a with { StallAfter = 250 } : a;
        using var interrupt = new CancellationTokenSource();
        Task<PullResult> pull = bench.PullUntilAsync(interrupt.Token);
        while (bench.Meter.DoneBytes < 3542 - 750)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        await interrupt.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        int before = bench.StandIn.Storage.Requests.Count;

        bench.StandIn.Change = (_, a) => a;
        PullResult result = await bench.PullAsync();
        Assert.Equal(["bytes=1250-1999"], bench.StandIn.Storage.Requests.Skip(before).Select(r => r.Header("Range")));
        Assert.Equal(750, result.ReceivedBytes);
        HubBench.AssertHolds(repository, result.Folder);
        bench.AssertNothingPartial();
    }

    [Theory]
    [InlineData(".0123abcd.incomplete", 1700, 1800)]
    [InlineData(".incomplete", 1700, 1800)]
    [InlineData(".0123abcd.incomplete", 3500, 0)]
    [InlineData(".0123abcd.incomplete", 3501, 3500)]
    public async Task A_partial_file_of_the_Python_client_is_continued(string suffix, int length, int received)
    {
        StandInRepository repository = bench.AddTiny();
        StandInFile large = repository.Files["model.safetensors"];
        Leave(large, suffix, [.. large.Bytes, .. new byte[10]], length);
        PullResult result = await bench.PullAsync(new PullSettings { Include = ["model*"] });
        Assert.Equal(received, result.ReceivedBytes);
        HubBench.AssertHolds(One(repository), result.Folder);
        bench.AssertNothingPartial();
    }

    [Fact]
    public async Task A_partial_file_with_wrong_bytes_is_thrown_away()
    {
        StandInRepository repository = bench.AddTiny();
        Leave(repository.Files["model.safetensors"], ".0123abcd.incomplete", HubBench.Bytes(99, 1700), 1700);
        PullResult result = await bench.PullAsync(new PullSettings { Include = ["model*"] });
        Assert.Equal(1800 + 3500, result.ReceivedBytes);
        HubBench.AssertHolds(One(repository), result.Folder);
        Assert.Contains(bench.TakeNotes(), n => n.Contains("starting anew", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public async Task Wrong_bytes_of_the_right_size_are_not_kept(string path)
    {
        StandInRepository repository = bench.AddTiny();
        bench.StandIn.Change = (r, a) => r.Method == "GET" && r.Path.EndsWith(path, StringComparison.Ordinal) && a.Body.Length > 0
            ? a with { Body = [(byte)(a.Body[0] ^ 1), .. a.Body[1..]] }
            : a;
        string message = await bench.FailAsync(HubFault.WrongHash, new PullSettings { Include = [path] });
        Assert.Contains(repository.Files[path].Etag, message, StringComparison.Ordinal);
        Assert.False(File.Exists(bench.BlobPath(repository.Files[path])));
        bench.AssertNothingPartial();
    }

    [Theory]
    [InlineData("config.json", -1)]
    [InlineData("config.json", 1)]
    [InlineData("model.safetensors", -1)]
    [InlineData("model.safetensors", 1)]
    public async Task A_body_of_another_length_is_refused(string path, int difference)
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) => r.Method == "GET" && r.Path.EndsWith(path, StringComparison.Ordinal) && a.Body.Length > 0
            ? a with { Body = difference < 0 ? a.Body[..^1] : [.. a.Body, 0] }
            : a;
        await bench.FailAsync(HubFault.WrongSize, new PullSettings { Include = [path] });
    }

    [Fact]
    public async Task A_server_without_ranges_sends_the_whole()
    {
        StandInRepository repository = bench.AddTiny();
        bench.StandIn.Change = (r, a) => IsStorage(r) ? new RawAnswer(200, new Dictionary<string, string>(), repository.Files["model.safetensors"].Bytes) : a;
        PullResult result = await bench.PullAsync();
        HubBench.AssertHolds(repository, result.Folder);
        Assert.Contains(bench.StandIn.Storage.Requests, r => r.Header("Range") is null);
    }

    [Fact]
    public async Task A_range_that_is_refused_is_fetched_whole_and_if_that_breaks_too_the_error_tells()
    {
        StandInRepository repository = bench.AddTiny();
        RawAnswer refused = new(416, new Dictionary<string, string> { ["Content-Range"] = "bytes */3500" }, []);
        bench.StandIn.Change = (r, a) => IsStorage(r) && r.Header("Range") is not null ? refused : a;
        HubBench.AssertHolds(repository, (await bench.PullAsync()).Folder);

        bench.StandIn.Change = (r, a) => IsStorage(r) ? refused : a;
        string message = await bench.FailAsync(HubFault.RangeRefused, new PullSettings { Force = true });
        Assert.Contains("416", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retry_after_is_kept_and_told()
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) => count++ == 0 ? HubStandIn.Error(429, null, "too many requests", ("Retry-After", "7")) : a;
        await bench.PullAsync(new PullSettings { Include = ["config.json"] });
        Assert.Contains(TimeSpan.FromSeconds(7), bench.Time.Waits);
        Assert.Contains(bench.TakeNotes(), n => n.Contains("429; trying again in 7.0 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wait_beyond_the_limit_is_an_error_at_once()
    {
        bench.AddTiny();
        bench.StandIn.Change = (_, _) => HubStandIn.Error(429, null, "too many requests", ("Retry-After", "4000"));
        await bench.FailAsync(HubFault.RateLimited);
        Assert.Single(bench.Requests);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_server_error_is_tried_again_anywhere(int status)
    {
        StandInRepository repository = bench.AddTiny();
        var seen = new HashSet<string>();
        bench.StandIn.Change = (r, a) =>
        {
            lock (seen)
            {
                return seen.Add($"{r.Method} {r.Path} {r.Header("Range")}") ? HubStandIn.Error(status, null, "unavailable") : a;
            }
        };
        HubBench.AssertHolds(repository, (await bench.PullAsync()).Folder);
        bench.StandIn.Change = (_, _) => HubStandIn.Error(status, null, "unavailable");
        string message = await bench.FailAsync(HubFault.Unavailable);
        Assert.Contains(status.ToString(CultureInfo.InvariantCulture), message, StringComparison.Ordinal);
        Assert.Contains(bench.Cache, message, StringComparison.Ordinal); // there is a snapshot, and it is named
    }

    [Fact]
    public async Task Silence_is_a_timeout_whether_before_or_within_the_body()
    {
        bench.AddTiny();
        bench.Tune = o => o with { TimeoutSeconds = 200, Retries = 1 };
        bench.StandIn.Change = (r, a) => IsStorage(r) ? a with { StallAfter = 0 } : a;
        await bench.FailAsync(HubFault.TimedOut);
        bench.StandIn.Change = (r, a) => r.Path.Contains("/revision/", StringComparison.Ordinal) ? a with { StallAfter = 1 } : a;
        Assert.Contains("HF_HUB_DOWNLOAD_TIMEOUT", await bench.FailAsync(HubFault.TimedOut), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_body_is_no_silence()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { TimeoutSeconds = 2000, RangeBytes = 1 << 20 }; // two true seconds; the body takes longer
        bench.StandIn.Change = (r, a) => IsStorage(r) ? a with { Drip = 25 } : a;
        HubBench.AssertHolds(repository, (await bench.PullAsync()).Folder);
        Assert.Single(bench.StandIn.Storage.Requests);
    }

    [Fact]
    public async Task No_connection_is_told()
    {
        bench.AddTiny();
        bench.StandIn.Hub.Dispose();
        Assert.Contains("HF_ENDPOINT", await bench.FailAsync(HubFault.NoConnection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_storage_address_is_asked_for_anew()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { Connections = 1 };
        bench.StandIn.Change = (r, a) => IsStorage(r) && count++ == 2 ? new RawAnswer(403, new Dictionary<string, string>(), []) : a;
        HubBench.AssertHolds(repository, (await bench.PullAsync()).Folder);
        Assert.Contains(bench.StandIn.Hub.Requests, r => r.Method == "GET" && r.Path.EndsWith("/model.safetensors", StringComparison.Ordinal));

        bench.StandIn.Change = (r, a) => IsStorage(r) ? new RawAnswer(403, new Dictionary<string, string>(), []) : a;
        Assert.Contains("localhost", await bench.FailAsync(HubFault.BadAnswer, new PullSettings { Force = true }), StringComparison.Ordinal);
    }

    private static bool IsStorage(RawRequest request) => request.Path.StartsWith("/cdn/", StringComparison.Ordinal);

    private static StandInRepository One(StandInRepository repository) => new(repository.Kind, repository.Id)
    {
        Files = { ["model.safetensors"] = repository.Files["model.safetensors"] },
    };

    private void Leave(StandInFile file, string suffix, byte[] bytes, int length)
    {
        string path = bench.BlobPath(file) + suffix;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes[..length]);
    }
}
