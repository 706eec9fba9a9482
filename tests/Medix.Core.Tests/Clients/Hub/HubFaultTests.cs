using System.Net;
using Medix.Clients.Hub;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>Each refusal of a hub is told apart, with what to do.</summary>
public sealed class HubFaultTests : IDisposable
{
    private readonly HubBench bench = new();

    public void Dispose() => bench.Dispose();

    [Theory]
    [InlineData(401, "RepoNotFound", "Invalid username or password.", false, HubFault.RepositoryMissing, "HF_TOKEN")]
    [InlineData(404, "RepoNotFound", "Repository not found", true, HubFault.RepositoryMissing, "the token may not see it")]
    [InlineData(404, "RevisionNotFound", "Invalid rev id", false, HubFault.RevisionMissing, "refs/pr/N")]
    [InlineData(401, "GatedRepo", "Please log in.", false, HubFault.Gated, "accept the terms")]
    [InlineData(403, "GatedRepo", "not in the authorized list", true, HubFault.Gated, "wait for approval")]
    [InlineData(403, null, "Access to this resource is disabled.", false, HubFault.Disabled, "nobody can fetch it")]
    [InlineData(403, "DisabledRepo", "Taken down", false, HubFault.Disabled, "nobody can fetch it")]
    [InlineData(451, null, "Legal reasons", false, HubFault.Disabled, "nobody can fetch it")]
    [InlineData(401, null, "Invalid credentials in Authorization header", true, HubFault.TokenRefused, "revoked or expired")]
    [InlineData(403, null, "Insufficient scope", true, HubFault.Forbidden, "right to read")]
    [InlineData(429, null, "too many requests", false, HubFault.RateLimited, "Try again later")]
    [InlineData(500, null, "oops", false, HubFault.Unavailable, "HF_HUB_OFFLINE")]
    [InlineData(418, null, "teapot", false, HubFault.BadAnswer, "HF_ENDPOINT")]
    public async Task A_refusal_is_told_with_its_remedy(int status, string? code, string text, bool withToken, HubFault fault, string remedy)
    {
        bench.AddTiny();
        bench.Tune = o => o with { Token = withToken ? "hf_secret" : null, Retries = 0 };
        bench.StandIn.Change = (_, _) => HubStandIn.Error(status, code, text);
        string message = await bench.FailAsync(fault);
        Assert.Contains(remedy, message, StringComparison.Ordinal);
        Assert.Contains(text, message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hub_s_text_cannot_forge_the_terminal()
    {
        bench.AddTiny();
        bench.StandIn.Change = (_, _) => RawAnswer.Json(404, "{\"error\": \"\\u001b[31mred\"}", ("X-Error-Code", "RepoNotFound"));
        Assert.DoesNotContain('\u001b', await bench.FailAsync(HubFault.RepositoryMissing));
    }

    [Theory]
    [InlineData(404, null, true, HubFault.EntryMissing)]
    [InlineData(404, "EntryNotFound", false, HubFault.EntryMissing)]
    [InlineData(404, null, false, HubFault.RepositoryMissing)]
    [InlineData(416, null, true, HubFault.RangeRefused)]
    [InlineData(408, null, true, HubFault.Unavailable)]
    public void A_status_without_a_code_is_read_by_what_was_asked(int status, string? code, bool aboutFile, HubFault expected) =>
        Assert.Equal(expected, HubFaults.Classify((HttpStatusCode)status, code, null, false, aboutFile));
}
