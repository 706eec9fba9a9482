using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>
/// The recorded calls of the Python client, made again by ours. Meant to differ:
/// bytes of the wrong hash are an error (there: accepted); a 503 in a transfer is tried again (there: an error); a range that is refused is fetched whole (there: an error);
/// chunk storage is always declined (there: tried unless switched off); what another process left is continued and, when the file is whole, removed (there: ignored and left);
/// a disabled repository is named so (there: "check your connection"); small files of a snapshot are fetched without a HEAD before; CACHEDIR.TAG has our own wording;
/// requests have no X-HF-Download-Counter, no trace id and never ask for compression. The HfApi look-ups that are no part of a pull are left out.
/// </summary>
[Trait("Category", "Parity")]
public sealed class HubParityTests
{
    private static readonly SemaphoreSlim Gate = new(1);
    private static IReadOnlyList<GoldenRun>? runs;

    [Fact]
    public async Task Every_call_ends_as_the_Python_client_s_or_better()
    {
        IReadOnlyList<GoldenRun> all = await RunAsync();
        Assert.NotEmpty(all);
        Assert.All(all, run => Assert.True(run.Actual == run.Expected, $"{run.Step.Name}: {run.Actual}; expected {run.Expected}"));
        Assert.Contains(all, r => r.Expected.StartsWith("ERROR", StringComparison.Ordinal));
        Assert.Contains(all, r => r.Expected.StartsWith("RESULT", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_cache_trees_are_the_Python_client_s()
    {
        GoldenRun[] withTree = [.. (await RunAsync()).Where(r => r.ExpectedTree is not null)];
        Assert.NotEmpty(withTree);
        Assert.All(withTree, run => Assert.Equal($"{run.Step.Name}\n{string.Join('\n', run.ExpectedTree!)}", $"{run.Step.Name}\n{string.Join('\n', run.ActualTree!)}"));
    }

    [Fact]
    public async Task The_requests_are_the_Python_client_s_or_fewer()
    {
        HashSet<string> recovered = [];
        foreach (GoldenRun run in await RunAsync())
        {
            List<string> ours = [.. run.Requests.Select(r => $"{r.Method} {r.Path} {r.Header("Authorization")}")];
            List<string> theirs = [.. run.Step.Exchanges.Select(e => $"{e.Method} {e.Path} {e.Authorization}")];
            if (run.Step.Environment.GetValueOrDefault("HF_HUB_DISABLE_XET") == "0")
            {
                Assert.All(ours, r => Assert.DoesNotContain("xet-read-token", r, StringComparison.Ordinal));
                Assert.All(ours, r => Assert.DoesNotContain("/cas/", r, StringComparison.Ordinal));
                continue;
            }

            // Asked once more than there: where there a transfer ended in an error that can pass.
            Exchange[] failed = [.. run.Step.Exchanges.Where(e => e.Method == "GET" && e.Status is 416 or 503)];
            recovered.UnionWith(failed.Select(e => $"{run.Step.Home} {e.Method} {e.Path} {e.Authorization}"));
            Assert.True(Minus(ours, theirs).Count <= failed.Length, $"{run.Step.Name}: beyond theirs {string.Join(", ", Minus(ours, theirs))}");
            Assert.All(Minus(theirs, ours), r => Assert.True(
                (run.Step.IsSnapshot && r.StartsWith("HEAD ", StringComparison.Ordinal)) || recovered.Contains($"{run.Step.Home} {r}"), $"{run.Step.Name}: not asked {r}"));
            Assert.All(run.Requests, r => Assert.Equal("identity", r.Header("Accept-Encoding")));
        }
    }

    [Fact]
    public async Task A_cut_body_is_continued_at_the_byte_where_it_broke_off()
    {
        int found = 0;
        foreach (GoldenRun run in await RunAsync())
        {
            foreach (Exchange ranged in run.Step.Exchanges.Where(e => e.Range is not null && e.Status == 206))
            {
                Assert.Contains(run.Requests, r => r.Path == ranged.Path && r.Header("Range")?.StartsWith(ranged.Range!, StringComparison.Ordinal) == true);
                found++;
            }
        }

        Assert.NotEqual(0, found);
    }

    [Fact]
    public void A_listing_is_kept_byte_for_byte_as_the_Python_client_keeps_it()
    {
        string folder = SharedFiles.Require("goldens", "protocols", "hub");
        JsonObject trees = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "cache-trees.json")))!.AsObject();
        HashSet<string> expected = [.. trees.SelectMany(t => t.Value!.AsArray())
            .Where(e => ((string)e!["path"]!).Contains("/trees/", StringComparison.Ordinal) && e["sha256"] is not null).Select(e => (string)e!["sha256"]!)];
        var made = new HashSet<string>(StringComparer.Ordinal);
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        foreach (JsonNode line in File.ReadLines(Path.Combine(folder, "exchanges.jsonl")).Select(l => JsonNode.Parse(l)!))
        {
            if (((string)line["request"]!["path"]!).Contains("/tree/", StringComparison.Ordinal))
            {
                List<RepositoryFile> files = [];
                using JsonDocument page = JsonDocument.Parse(line["response"]!["body"]!["json"]!.ToJsonString());
                FileListing.AddPage(files, page.RootElement);
                FileListing.Write(path, files);
                made.Add(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))));
                Assert.Equal(FileListing.Complete(files), FileListing.Read(path));
            }
        }

        File.Delete(path);
        Assert.NotEmpty(expected);
        Assert.Subset(made, expected);
    }

    private static async Task<IReadOnlyList<GoldenRun>> RunAsync()
    {
        string folder = SharedFiles.Require("goldens", "protocols", "hub");
        await Gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return runs ??= await GoldenRun.AllAsync(folder, TestContext.Current.CancellationToken);
        }
        finally
        {
            Gate.Release();
        }
    }

    private static List<string> Minus(List<string> from, List<string> what)
    {
        List<string> rest = [.. from];
        what.ForEach(w => rest.Remove(w));
        return rest;
    }
}
