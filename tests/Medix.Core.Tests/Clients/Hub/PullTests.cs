using System.Text.Json.Nodes;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

public sealed class PullTests : IDisposable
{
    private readonly HubBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task A_repository_arrives_whole_and_a_second_pull_asks_once()
    {
        StandInRepository repository = bench.AddTiny();
        PullResult result = await bench.PullAsync();
        HubBench.AssertHolds(repository, result.Folder);
        Assert.Equal((HubBench.Commit, 3, 3542L, 3542L), (result.Commit, result.Files, result.Bytes, result.ReceivedBytes));
        bench.AssertNothingPartial();
        int before = bench.Requests.Count();

        PullResult again = await bench.PullAsync();
        Assert.Equal((result.Folder, 0L), (again.Folder, again.ReceivedBytes));
        Assert.Equal(before + 1, bench.Requests.Count());
    }

    [Fact]
    public async Task A_large_file_comes_in_ranges_that_cover_it_once()
    {
        StandInFile large = bench.AddTiny().Files["model.safetensors"];
        await bench.PullAsync();
        string[] ranges = [.. bench.StandIn.Storage.Requests.Select(r => r.Header("Range")!).Order()];
        Assert.Equal(["bytes=0-999", "bytes=1000-1999", "bytes=2000-2999", "bytes=3000-3499"], ranges);
        Assert.Equal(large.Bytes, File.ReadAllBytes(bench.BlobPath(large)));
    }

    [Fact]
    public async Task Equal_files_are_fetched_once_and_linked_twice()
    {
        StandInRepository repository = bench.AddTiny();
        repository.Add("copy.safetensors", repository.Files["model.safetensors"].Bytes, large: true);
        PullResult result = await bench.PullAsync();
        HubBench.AssertHolds(repository, result.Folder);
        Assert.Equal(4, bench.StandIn.Storage.Requests.Count);
    }

    [Theory]
    [InlineData("*.json", null, "config.json")]
    [InlineData("sub/", null, "sub/dir/notes.txt")]
    [InlineData(null, "*.safetensors,sub/*", "config.json")]
    public async Task Patterns_choose(string? include, string? exclude, string expected)
    {
        bench.AddTiny();
        PullResult result = await bench.PullAsync(new PullSettings { Include = include?.Split(',') ?? [], Exclude = exclude?.Split(',') ?? [] });
        string[] files = [.. Directory.GetFiles(result.Folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(result.Folder, f))];
        Assert.Equal([expected], files);
    }

    [Fact]
    public async Task Patterns_that_choose_nothing_are_an_error_that_names_files()
    {
        bench.AddTiny();
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => bench.PullAsync(new PullSettings { Include = ["*.gguf"] }));
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_listing_is_read_over_all_its_pages()
    {
        StandInRepository repository = bench.AddTiny();
        bench.StandIn.Change = (request, answer) =>
        {
            if (!request.Path.Contains("/tree/", StringComparison.Ordinal))
            {
                return answer;
            }

            bool first = !request.Path.Contains("cursor=", StringComparison.Ordinal);
            JsonNode[] entries = [.. JsonNode.Parse(answer.Body)!.AsArray().Select(e => e!.DeepClone())];
            JsonArray page = [.. first ? entries[..2] : entries[2..]];
            return RawAnswer.Json(200, page.ToJsonString(), first ? [("Link", $"<{bench.StandIn.Hub.Address}{request.Path.TrimStart('/')}&cursor=b>; rel=\"next\"")] : []);
        };
        PullResult result = await bench.PullAsync();
        Assert.Equal(3, result.Files);
        HubBench.AssertHolds(repository, result.Folder);
    }

    [Fact]
    public async Task The_next_page_on_another_host_is_refused()
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) =>
            r.Path.Contains("/tree/", StringComparison.Ordinal) ? RawAnswer.Json(200, "[]", ("Link", "<http://elsewhere.example/x>; rel=\"next\"")) : a;
        Assert.Contains("elsewhere.example", await bench.FailAsync(HubFault.BadAnswer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_is_too_small_is_told_before_anything_is_fetched()
    {
        bench.AddTiny();
        bench.Free = 3000;
        string message = await bench.FailAsync(HubFault.DiskFull);
        Assert.Contains("3.00 kB free", message, StringComparison.Ordinal);
        Assert.Contains("3.54 kB", message, StringComparison.Ordinal);
        Assert.Empty(bench.StandIn.Storage.Requests);
        bench.Free = 3600;
        await bench.PullAsync();
    }

    [Fact]
    public async Task Without_symbolic_links_files_are_copies()
    {
        StandInRepository repository = bench.AddTiny();
        await bench.PullAsync(new PullSettings { Include = ["model*"] });
        var cache = new HubCache(bench.Cache) { MakeLink = (_, _) => throw new IOException("no links here") };
        StandInFile large = repository.Files["model.safetensors"];
        cache.Link(HubRepository.Parse(HubBench.Id), HubBench.Commit, "model.safetensors", large.Etag);
        string pointer = Path.Combine(cache.FindSnapshot(HubRepository.Parse(HubBench.Id))!, "model.safetensors");
        Assert.Null(new FileInfo(pointer).LinkTarget);
        Assert.Equal(large.Bytes, File.ReadAllBytes(pointer));
        Assert.Equal(3, (await bench.PullAsync()).Files);
        Assert.Null(new FileInfo(pointer).LinkTarget); // it is whole: nothing to do
    }

    [Fact]
    public async Task Verify_finds_what_other_clients_let_in_and_force_fetches_again()
    {
        StandInRepository repository = bench.AddTiny();
        await bench.PullAsync();
        StandInFile large = repository.Files["model.safetensors"];
        File.WriteAllBytes(bench.BlobPath(large), new byte[large.Bytes.Length]);
        Assert.Equal(0, (await bench.PullAsync()).ReceivedBytes);
        Assert.Equal(large.Bytes.Length, (await bench.PullAsync(new PullSettings { Verify = true })).ReceivedBytes);
        Assert.Equal(large.Bytes, File.ReadAllBytes(bench.BlobPath(large)));
        Assert.Equal(3542, (await bench.PullAsync(new PullSettings { Force = true })).ReceivedBytes);
    }

    [Fact]
    public async Task A_cached_file_of_the_wrong_size_is_fetched_again()
    {
        StandInFile large = bench.AddTiny().Files["model.safetensors"];
        await bench.PullAsync();
        File.WriteAllBytes(bench.BlobPath(large), [1, 2, 3]);
        await bench.PullAsync();
        Assert.Equal(large.Bytes, File.ReadAllBytes(bench.BlobPath(large)));
    }

    [Fact]
    public async Task Two_pulls_of_one_blob_fetch_it_once()
    {
        StandInRepository repository = bench.AddTiny();
        var gate = new TaskCompletionSource();
        bench.StandIn.Change = (request, answer) => request.Path.StartsWith("/cdn", StringComparison.Ordinal) ? answer with { Gate = gate.Task } : answer;
        Task<PullResult> first = bench.PullAsync();
        while (bench.StandIn.Storage.Requests.Count == 0)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Task<PullResult> second = bench.PullAsync(); // the bench's meter is now this one's
        string note;
        while (!bench.Meter.TryTakeNote(out note))
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Contains("another process", note, StringComparison.Ordinal);
        gate.SetResult();
        PullResult[] results = await Task.WhenAll(first, second);
        Assert.Equal(0, results[1].ReceivedBytes);
        Assert.Equal(4, bench.StandIn.Storage.Requests.Count);
        HubBench.AssertHolds(repository, results[1].Folder);
    }

    [Fact]
    public async Task Offline_finds_what_is_there_and_names_what_is_not()
    {
        bench.AddTiny();
        await bench.PullAsync(new PullSettings { Include = ["*.json"] });
        int before = bench.Requests.Count();
        bench.Tune = o => o with { Offline = true };
        Assert.Equal(1, (await bench.PullAsync(new PullSettings { Include = ["*.json"] })).Files);
        Assert.Contains("model.safetensors", await bench.FailAsync(HubFault.NotCached), StringComparison.Ordinal);
        await bench.FailAsync(HubFault.NotCached, id: "medix/other");
        await bench.FailAsync(HubFault.NotCached, id: $"{HubBench.Id}@v9");
        Assert.Equal(before, bench.Requests.Count());
    }

    [Fact]
    public async Task Single_files_need_no_listing_and_a_missing_one_is_remembered()
    {
        StandInRepository repository = bench.AddTiny();
        PullResult result = await bench.PullAsync(new PullSettings { Files = ["sub/dir/notes.txt"] });
        Assert.Equal(repository.Files["sub/dir/notes.txt"].Bytes, File.ReadAllBytes(Path.Combine(result.Folder, "sub/dir/notes.txt")));
        Assert.DoesNotContain(bench.Requests, r => r.Path.Contains("/api/", StringComparison.Ordinal));
        await bench.FailAsync(HubFault.EntryMissing, new PullSettings { Files = ["nope.bin"] });
        bench.Tune = o => o with { Offline = true };
        Assert.Equal(1, (await bench.PullAsync(new PullSettings { Files = ["sub/dir/notes.txt"] })).Files);
        Assert.Contains("earlier look", await bench.FailAsync(HubFault.EntryMissing, new PullSettings { Files = ["nope.bin"] }), StringComparison.Ordinal);
        await bench.FailAsync(HubFault.NotCached, new PullSettings { Files = ["config.json"] });
    }

    [Fact]
    public async Task A_snapshot_is_found_by_name_without_network()
    {
        bench.AddTiny();
        PullResult result = await bench.PullAsync();
        var cache = new HubCache(bench.Cache);
        Assert.Equal(result.Folder, cache.FindSnapshot(HubRepository.Parse(HubBench.Id)));
        Assert.Equal(result.Folder, cache.FindSnapshot(HubRepository.Parse($"{HubBench.Id}@{HubBench.Commit}")));
        Assert.Null(cache.FindSnapshot(HubRepository.Parse($"{HubBench.Id}@v2")));
        Assert.Null(cache.FindSnapshot(HubRepository.Parse(HubBench.Id, HubKind.Dataset)));
        Assert.Null(HubCache.TryFindSnapshot("not a repository"));
        Assert.Null(HubCache.TryFindSnapshot("medix/surely-not-there"));
    }
}
