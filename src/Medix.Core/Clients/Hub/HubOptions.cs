using System.Globalization;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>Which hub is asked, as whom, how patiently, and where the cache is. The variables are those of the Python client, so that both share one setting.</summary>
public sealed record HubOptions
{
    /// <summary>The hub where <c>HF_ENDPOINT</c> names no other.</summary>
    public const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The hub's address, http or https.</summary>
    public Uri Endpoint { get; init; } = new(DefaultEndpoint);

    /// <summary>The access token, or null. It is sent to <see cref="Endpoint"/> alone and never printed.</summary>
    public string? Token { get; init; }

    /// <summary>The cache's folder, <c>~/.cache/huggingface/hub</c> unless set otherwise.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Whether nothing is asked of the network.</summary>
    public bool Offline { get; init; }

    /// <summary>Transfers at the same time, over all files and all ranges of a file; 1 to 64.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>Bytes of one range of a large file; at least 1.</summary>
    public long RangeBytes { get; init; } = 64L << 20;

    /// <summary>Further tries after one that may pass (no connection, cut, timeout, 408, 429, 5xx); 0 to 20. Bytes that arrive start the count anew.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>Seconds before the first further try; they double each time, with jitter. 0 to 60.</summary>
    public double RetryDelaySeconds { get; init; } = 1;

    /// <summary>Seconds without a sign of life after which a try is given up; above 0, at most 3600.</summary>
    public double TimeoutSeconds { get; init; } = 30;

    /// <summary>The longest wait that a hub's <c>Retry-After</c> may ask for; beyond it the user is told. Seconds, 0 to 3600.</summary>
    public double MaxWaitSeconds { get; init; } = 300;

    /// <summary>
    /// Reads HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME,
    /// XDG_CACHE_HOME, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE and HF_HUB_DOWNLOAD_TIMEOUT. <paramref name="variable"/> stands in for the environment in tests.
    /// </summary>
    /// <exception cref="MedixException">A variable holds what cannot be used.</exception>
    public static HubOptions FromEnvironment(Func<string, string?>? variable = null)
    {
        var read = new HubVariables(variable ?? Environment.GetEnvironmentVariable);
        return new HubOptions
        {
            Endpoint = ParseEndpoint(read.Get("HF_ENDPOINT") ?? DefaultEndpoint),
            Token = IsTrue(read.Get("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
                ? null
                : read.Get("HF_TOKEN") ?? read.Get("HUGGING_FACE_HUB_TOKEN") ?? ReadToken(read.Folder("HF_TOKEN_PATH") ?? Path.Combine(read.HubHome, "token")),
            CacheFolder = read.Cache,
            Offline = IsTrue(read.Get("HF_HUB_OFFLINE")) || IsTrue(read.Get("TRANSFORMERS_OFFLINE")),
            TimeoutSeconds = read.Get("HF_HUB_DOWNLOAD_TIMEOUT") is { } seconds ? ParseTimeout(seconds) : 30,
        };
    }

    /// <summary>The cache's folder alone, which does not depend on whether the rest can be used.</summary>
    internal static string CacheFolderOf(Func<string, string?> variable) => new HubVariables(variable).Cache;

    /// <summary>Without the token: options end up in logs.</summary>
    public override string ToString() => $"{Endpoint} ({(Token is null ? "no token" : "with a token")}), cache {CacheFolder}{(Offline ? ", offline" : "")}";

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out Uri? uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            ? uri
            : throw new MedixException($"HF_ENDPOINT is '{text}'; expected an http or https address such as {DefaultEndpoint}.");

    private static double ParseTimeout(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 3600
            ? seconds
            : throw new MedixException($"HF_HUB_DOWNLOAD_TIMEOUT is '{text}'; expected seconds, above 0 and at most 3600.");

    private static string? ReadToken(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            string token = File.ReadAllText(path).Trim();
            return token.Length > 0 ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"The token file {path} cannot be read: {e.Message} Mend its permissions, or set HF_TOKEN.", e);
        }
    }

    private static bool IsTrue(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
}

/// <summary>The variables of the Python client, with <c>~</c> and <c>$NAME</c> in paths put in as it does.</summary>
internal sealed partial class HubVariables(Func<string, string?> variable)
{
    private string Home => Get("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    public string HubHome => Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(Home, ".cache"), "huggingface");

    public string Cache => Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(HubHome, "hub");

    /// <summary>A variable without blanks around it; null when it is not set or empty.</summary>
    public string? Get(string name) => variable(name)?.Trim() is { Length: > 0 } value ? value : null;

    /// <summary>A variable that names a file or folder, as a full path.</summary>
    public string? Folder(string name)
    {
        if (Get(name) is not { } path)
        {
            return null;
        }

        string home = path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? Home + path[1..] : path;
        return Path.GetFullPath(Reference().Replace(home, m => variable(m.Groups["name"].Value) ?? m.Value));
    }

    [GeneratedRegex(@"\$(?:\{(?<name>\w+)\}|(?<name>\w+))")]
    private static partial Regex Reference();
}
