using Medix.Clients.Hub;
using Medix.Runs;

namespace Medix.Core.Tests.Clients.Hub;

public sealed class HubOptionsTests : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("medix-home-").FullName;

    public void Dispose() => Directory.Delete(home, recursive: true);

    [Theory]
    [InlineData("", "~/.cache/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/x", "/x/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/x HF_HOME=~/h", "~/h/hub")]
    [InlineData("HF_HOME=$HOME/h", "~/h/hub")]
    [InlineData("HF_HOME=/h HUGGINGFACE_HUB_CACHE=/old", "/old")]
    [InlineData("HF_HOME=/h HUGGINGFACE_HUB_CACHE=/old HF_HUB_CACHE=${HOME}/new", "~/new")]
    public void The_cache_is_where_the_Python_client_looks(string variables, string expected) =>
        Assert.Equal(expected.Replace("~", home, StringComparison.Ordinal), Read(variables).CacheFolder);

    [Theory]
    [InlineData("", null)]
    [InlineData("HF_TOKEN=a HUGGING_FACE_HUB_TOKEN=b", "a")]
    [InlineData("HUGGING_FACE_HUB_TOKEN=b", "b")]
    [InlineData("HF_HOME=~/h", "of-home")]
    [InlineData("HF_HOME=~/h HF_TOKEN_PATH=~/elsewhere", "of-path")]
    [InlineData("HF_HOME=~/h HF_TOKEN=a", "a")]
    [InlineData("HF_TOKEN=a HF_HUB_DISABLE_IMPLICIT_TOKEN=1", null)]
    public void The_token_comes_from_the_environment_or_a_file(string variables, string? expected)
    {
        Directory.CreateDirectory(Path.Combine(home, "h"));
        File.WriteAllText(Path.Combine(home, "h", "token"), "of-home\n");
        File.WriteAllText(Path.Combine(home, "elsewhere"), "of-path");
        Assert.Equal(expected, Read(variables).Token);
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=true", true)]
    [InlineData("TRANSFORMERS_OFFLINE=yes", true)]
    [InlineData("HF_HUB_OFFLINE=0", false)]
    [InlineData("", false)]
    public void Offline_is_a_switch(string variables, bool expected) => Assert.Equal(expected, Read(variables).Offline);

    [Fact]
    public void Endpoint_and_timeout_are_read_and_checked()
    {
        Assert.Equal("https://huggingface.co/", Read("").Endpoint.ToString());
        Assert.Equal("http://mirror:8080/hf/", Read("HF_ENDPOINT=http://mirror:8080/hf").Endpoint.ToString());
        Assert.Equal(12, Read("HF_HUB_DOWNLOAD_TIMEOUT=12").TimeoutSeconds);
        Assert.Contains("HF_ENDPOINT", Assert.Throws<MedixException>(() => Read("HF_ENDPOINT=mirror")).Message, StringComparison.Ordinal);
        Assert.Contains("HF_HUB_DOWNLOAD_TIMEOUT", Assert.Throws<MedixException>(() => Read("HF_HUB_DOWNLOAD_TIMEOUT=soon")).Message, StringComparison.Ordinal);
    }

    private HubOptions Read(string variables)
    {
        Dictionary<string, string> values = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Append($"HOME={home}")
            .ToDictionary(v => v[..v.IndexOf('=', StringComparison.Ordinal)], v => v[(v.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        return HubOptions.FromEnvironment(values.GetValueOrDefault);
    }
}
