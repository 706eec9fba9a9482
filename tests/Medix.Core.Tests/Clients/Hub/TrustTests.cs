using System.Text.Json.Nodes;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>Who gets the token, where redirects may lead, and what a hub may not make us write.</summary>
public sealed class TrustTests : IDisposable
{
    private readonly HubBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task The_token_goes_to_the_hub_and_nowhere_else()
    {
        bench.AddTiny();
        bench.Tune = o => o with { Token = "hf_secret" };
        await bench.PullAsync();
        Assert.All(bench.StandIn.Hub.Requests, r => Assert.Equal("Bearer hf_secret", r.Header("Authorization")));
        Assert.NotEmpty(bench.StandIn.Storage.Requests);
        Assert.All(bench.StandIn.Storage.Requests, r => Assert.Null(r.Header("Authorization")));
        Assert.DoesNotContain("hf_secret", bench.Options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_to_another_port_of_the_same_host_gets_no_token()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { Token = "hf_secret" };
        byte[] bytes = repository.Files["config.json"].Bytes;
        using var other = new RawHttpServer("127.0.0.1", _ => new RawAnswer(200, new Dictionary<string, string>(), bytes));
        bench.StandIn.Change = (r, a) => r.Path.EndsWith("/config.json", StringComparison.Ordinal) ? Redirect(307, other.Address + "x") : a;
        await bench.PullAsync(new PullSettings { Include = ["config.json"] });
        Assert.Null(Assert.Single(other.Requests).Header("Authorization"));
    }

    [Fact]
    public async Task A_renamed_repository_is_followed_within_the_hub_with_the_token()
    {
        StandInRepository repository = bench.AddTiny();
        bench.Tune = o => o with { Token = "hf_secret" };
        bench.StandIn.Change = (r, a) =>
            r.Path.Contains("medix/old", StringComparison.Ordinal) ? Redirect(307, r.Path.Replace("medix/old", HubBench.Id, StringComparison.Ordinal)) : a;
        HubBench.AssertHolds(repository, (await bench.PullAsync(id: "medix/old")).Folder);
        Assert.All(bench.StandIn.Hub.Requests, r => Assert.Equal("Bearer hf_secret", r.Header("Authorization")));
    }

    [Theory]
    [InlineData("file:///etc/passwd", "file")]
    [InlineData("ftp://example.org/x", "ftp")]
    public async Task A_redirect_to_another_protocol_is_refused(string target, string named)
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) => r.Path.EndsWith("/config.json", StringComparison.Ordinal) ? Redirect(302, target) : a;
        Assert.Contains(named, await bench.FailAsync(HubFault.BadAnswer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_in_a_circle_ends()
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, _) => Redirect(302, r.Path);
        await bench.FailAsync(HubFault.BadAnswer);
        Assert.Equal(11, bench.Requests.Count());
    }

    [Fact]
    public async Task Chunk_storage_is_declined()
    {
        StandInRepository repository = bench.AddTiny();
        bench.StandIn.Change = (r, a) =>
        {
            if (r.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) && a.Status == 302)
            {
                ((Dictionary<string, string>)a.Headers)["X-Xet-Hash"] = new string('7', 64);
                ((Dictionary<string, string>)a.Headers)["Link"] = $"<{bench.StandIn.Hub.Address}api/x>; rel=\"xet-auth\"";
            }

            return a;
        };
        HubBench.AssertHolds(repository, (await bench.PullAsync()).Folder);
        Assert.DoesNotContain(bench.Requests, r => r.Path.Contains("xet", StringComparison.Ordinal) || r.Path.StartsWith("/api/x", StringComparison.Ordinal));
        Assert.Contains(bench.StandIn.Hub.Requests, r => r.Method == "GET" && r.Path.EndsWith("/model.safetensors", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("../escape")]
    [InlineData("a/../../escape")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a/./b")]
    [InlineData("C:\\x")]
    [InlineData("C:/x")]
    [InlineData("D:x")]
    [InlineData("a\\..\\b")]
    [InlineData("nul\u0000l")]
    [InlineData("")]
    public async Task A_path_that_leads_out_is_refused_before_anything_is_written(string path)
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) => r.Path.Contains("/tree/", StringComparison.Ordinal)
            ? RawAnswer.Json(200, new JsonArray(new JsonObject { ["type"] = "file", ["path"] = path, ["size"] = 3, ["oid"] = new string('b', 40) }).ToJsonString())
            : a;
        Assert.Contains("--exclude", await bench.FailAsync(HubFault.BadAnswer), StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.EnumerateFiles(bench.Home, "*", SearchOption.AllDirectories), f => !f.EndsWith("CACHEDIR.TAG", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_path_that_leads_out_can_be_left_out_and_odd_names_are_names()
    {
        StandInRepository repository = bench.AddTiny();
        repository.Add("what? \"a:b\" & <c> ünï.txt", [1, 2]);
        StandInFile bad = repository.Add("../bad", [1]);
        await bench.FailAsync(HubFault.BadAnswer);
        PullResult result = await bench.PullAsync(new PullSettings { Exclude = ["*/bad"] });
        repository.Files.Remove("../bad");
        HubBench.AssertHolds(repository, result.Folder);
        Assert.DoesNotContain(bench.Requests, r => r.Path.EndsWith("bad", StringComparison.Ordinal));
        Assert.False(File.Exists(bench.BlobPath(bad)));
    }

    [Theory]
    [InlineData("""[{"type":"file","path":"a","size":-1,"oid":"SHA"}]""")]
    [InlineData("""[{"type":"file","path":"a","size":1,"oid":"../../../../x"}]""")]
    [InlineData("""[{"type":"file","path":"a","size":1,"oid":"SHA","lfs":{"oid":"../x","size":1}}]""")]
    [InlineData("""[{"type":"file","path":"a","size":1,"oid":"SHA"},{"type":"file","path":"a/b","size":1,"oid":"SHA"}]""")]
    [InlineData("""[{"type":"file","path":"a","size":1,"oid":"SHA"},{"type":"file","path":"a","size":1,"oid":"SHA"}]""")]
    [InlineData("""[{"type":"file","size":1,"oid":"SHA"}]""")]
    [InlineData("""{"files": []}""")]
    [InlineData("<html>log in</html>")]
    public async Task A_listing_that_makes_no_sense_is_refused(string json)
    {
        bench.AddTiny();
        string listing = json.Replace("SHA", new string('b', 40), StringComparison.Ordinal);
        bench.StandIn.Change = (r, a) => r.Path.Contains("/tree/", StringComparison.Ordinal) ? RawAnswer.Json(200, listing) : a;
        await bench.FailAsync(HubFault.BadAnswer);
    }

    [Theory]
    [InlineData("X-Repo-Commit", "main")]
    [InlineData("X-Linked-ETag", "\"../../x\"")]
    [InlineData("X-Linked-ETag", "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"")]
    [InlineData("X-Linked-Size", "3499")]
    public async Task A_large_file_that_is_not_what_was_listed_is_refused(string header, string value)
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) =>
        {
            if (r.Method == "HEAD")
            {
                ((Dictionary<string, string>)a.Headers)[header] = value;
            }

            return a;
        };
        await bench.FailAsync(HubFault.BadAnswer);
        Assert.Empty(bench.StandIn.Storage.Requests);
    }

    [Fact]
    public async Task A_commit_that_is_none_is_refused()
    {
        bench.AddTiny();
        bench.StandIn.Change = (r, a) => r.Path.Contains("/revision/", StringComparison.Ordinal) ? RawAnswer.Json(200, """{"sha": "../../x"}""") : a;
        await bench.FailAsync(HubFault.BadAnswer);
    }

    [Fact]
    public async Task A_folder_that_is_a_link_out_of_the_local_folder_is_not_written_through()
    {
        bench.AddTiny();
        string outside = Directory.CreateDirectory(Path.Combine(bench.Home, "outside")).FullName;
        string local = Directory.CreateDirectory(Path.Combine(bench.Home, "local")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(local, "sub"), outside);
        await bench.FailAsync(HubFault.BadAnswer, new PullSettings { LocalFolder = local });
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public async Task A_link_in_place_of_a_local_file_is_replaced_and_not_followed()
    {
        StandInRepository repository = bench.AddTiny();
        string victim = Path.Combine(bench.Home, "victim");
        File.WriteAllText(victim, "keep");
        string local = Directory.CreateDirectory(Path.Combine(bench.Home, "local")).FullName;
        File.CreateSymbolicLink(Path.Combine(local, "config.json"), victim);
        await bench.PullAsync(new PullSettings { LocalFolder = local });
        Assert.Equal("keep", File.ReadAllText(victim));
        HubBench.AssertHolds(repository, local);
    }

    [Theory]
    [InlineData("medix/tiny", "medix/tiny", "main")]
    [InlineData("medix/tiny@v2", "medix/tiny", "v2")]
    [InlineData("a_b/C.d-e@refs/pr/12", "a_b/C.d-e", "refs/pr/12")]
    public void Names_are_read(string text, string id, string revision)
    {
        HubRepository repository = HubRepository.Parse(text);
        Assert.Equal((id, revision), (repository.Id, repository.Revision));
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("a/b/c")]
    [InlineData("../tiny")]
    [InlineData("medix/..")]
    [InlineData("medix/a--b")]
    [InlineData("medix/tiny@")]
    [InlineData("medix/tiny@../../x")]
    [InlineData("medix/tiny@a//b")]
    [InlineData("medix/tiny@a b")]
    [InlineData("-medix/tiny")]
    public void Names_that_are_none_are_refused(string text)
    {
        Assert.Contains("OWNER/NAME", Assert.Throws<MedixException>(() => HubRepository.Parse(text)).Message, StringComparison.Ordinal);
        Assert.False(HubRepository.TryParse(text, HubKind.Model, out _));
    }

    private static RawAnswer Redirect(int status, string target) => new(status, new Dictionary<string, string> { ["Location"] = target }, []);
}
