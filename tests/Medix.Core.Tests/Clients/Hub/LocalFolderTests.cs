using Medix.Clients.Hub;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

public sealed class LocalFolderTests : IDisposable
{
    private readonly HubBench bench = new();

    public void Dispose() => bench.Dispose();

    private string Local => Path.Combine(bench.Home, "local");

    private PullSettings Settings => new() { LocalFolder = Local };

    [Fact]
    public async Task Plain_files_arrive_and_a_second_pull_asks_once()
    {
        StandInRepository repository = bench.AddTiny();
        PullResult result = await bench.PullAsync(Settings);
        Assert.Equal((Local, 3542L), (result.Folder, result.ReceivedBytes));
        HubBench.AssertHolds(repository, Local);
        Assert.Null(new FileInfo(Path.Combine(Local, "model.safetensors")).LinkTarget);
        bench.AssertNothingPartial();
        int before = bench.Requests.Count();
        Assert.Equal(0, (await bench.PullAsync(Settings)).ReceivedBytes);
        Assert.Equal(before + 1, bench.Requests.Count());
    }

    [Fact]
    public async Task A_changed_file_is_fetched_again_and_an_equal_one_without_metadata_is_recognised()
    {
        StandInRepository repository = bench.AddTiny();
        await bench.PullAsync(Settings);
        string notes = Path.Combine(Local, "sub", "dir", "notes.txt");
        File.WriteAllBytes(notes, new byte[40]);
        File.SetLastWriteTimeUtc(notes, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(1));
        File.Delete(Path.Combine(Local, ".cache/huggingface/download/model.safetensors.metadata"));
        Assert.Equal(40, (await bench.PullAsync(Settings)).ReceivedBytes);
        HubBench.AssertHolds(repository, Local);
    }

    [Fact]
    public async Task What_the_cache_holds_is_copied_and_checked()
    {
        StandInRepository repository = bench.AddTiny();
        await bench.PullAsync();
        Assert.Equal(0, (await bench.PullAsync(Settings)).ReceivedBytes);
        HubBench.AssertHolds(repository, Local);

        Directory.Delete(Local, recursive: true);
        File.WriteAllBytes(bench.BlobPath(repository.Files["model.safetensors"]), new byte[3500]);
        Assert.Equal(3500, (await bench.PullAsync(Settings)).ReceivedBytes);
        HubBench.AssertHolds(repository, Local);
    }

    [Fact]
    public async Task Equal_files_in_one_folder_do_not_get_in_each_other_s_way()
    {
        StandInRepository repository = bench.AddTiny();
        byte[] bytes = HubBench.Bytes(8, 2500);
        foreach (string name in new[] { "a.bin", "b.bin", "c.bin" })
        {
            repository.Add(name, bytes, large: true);
        }

        await bench.PullAsync(Settings);
        HubBench.AssertHolds(repository, Local);
    }

    [Fact]
    public async Task The_state_s_own_folder_cannot_be_a_file_of_the_repository()
    {
        bench.AddTiny().Add(".cache/huggingface/download/config.json.metadata", [1]);
        Assert.Contains("--exclude", await bench.FailAsync(HubFault.BadAnswer, Settings), StringComparison.Ordinal);
        await bench.PullAsync(Settings with { Exclude = [".cache/*"] });
    }

    [Fact]
    public async Task Offline_the_folder_is_used_when_it_is_whole()
    {
        bench.AddTiny();
        await bench.PullAsync(Settings);
        bench.Tune = o => o with { Offline = true };
        Assert.Equal(3, (await bench.PullAsync(Settings)).Files);
        File.Delete(Path.Combine(Local, "config.json"));
        Assert.Contains("config.json", await bench.FailAsync(HubFault.NotCached, Settings), StringComparison.Ordinal);
    }
}
