using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Medix.Runs;

/// <summary>
/// Takes out of texts what must not be published with a model: credentials in addresses, keys, and folders of this machine. It goes by the form of a value and
/// not by the name of its setting, so that a setting added later is covered too. Relative paths, Hub ids and plain addresses stay as they are.
/// </summary>
public sealed partial class Redaction
{
    /// <summary>What stands where something was taken out; an address with it is still an address.</summary>
    public const string Mark = "REMOVED";

    private const int LeastKnown = 3; // a shorter text, a lone "/", is in too many others to be replaced inside them

    /// <summary>Values of a query that say how to call and open nothing.</summary>
    private static readonly HashSet<string> PlainParameters = new(["api-version", "version", "revision"], StringComparer.OrdinalIgnoreCase);

    private readonly IReadOnlyList<KeyValuePair<string, string>> known;

    private Redaction(IReadOnlyList<KeyValuePair<string, string>> known) => this.known = known;

    /// <summary>Knows the settings, so that their values are found in messages that quote them, blanks within paths included.</summary>
    /// <param name="settings">Any object whose texts are settings, for example a recipe.</param>
    public static Redaction Of<T>(T settings)
    {
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        Collect(JsonSerializer.SerializeToNode(settings, EventLog.Lines), known);
        return new Redaction([.. known.OrderByDescending(pair => pair.Key.Length)]);
    }

    /// <summary>The value of one setting as it may be published: an address without credentials, a local path by its last part (or Hub id), a key as the mark.</summary>
    public static string Setting(string value)
    {
        string text = value.Trim();
        Match address = WholeAddress().Match(text);
        return address.Success ? Address(address)
            : LocalPath().IsMatch(text) ? NameOf(text)
            : Text(value);
    }

    /// <summary>A text with every address, path and key in it as it may be published; a path ends at a blank or quote.</summary>
    public static string Text(string text) => Within().Replace(text, found =>
        found.Groups["scheme"].Success ? Address(found)
        : found.Groups["path"].Success ? NameOf(found.Value)
        : found.Groups["keep"].Value + Mark);

    /// <summary>A text as it may be published, with the known settings found in it first.</summary>
    public string Apply(string text)
    {
        foreach ((string value, string published) in known)
        {
            text = text == value ? published
                : value.Length < LeastKnown ? text
                : Regex.Replace(text, $@"(?<![\w/\\.]){Regex.Escape(value)}(?!\w)", _ => published, RegexOptions.CultureInvariant);
        }

        return Text(text);
    }

    /// <summary>A copy of an object that JSON can hold, with every text in it and every key of a dictionary as it may be published.</summary>
    public T Apply<T>(T value)
    {
        JsonNode? node = Walk(JsonSerializer.SerializeToNode(value, EventLog.Lines));
        return node.Deserialize<T>(EventLog.Lines)!;
    }

    private JsonNode? Walk(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                var changed = new JsonObject();
                foreach ((string key, JsonNode? value) in fields)
                {
                    string name = Apply(key);
                    changed[name] = changed[name] is { } before ? Sum(before, value) : Walk(value);
                }

                return changed;
            case JsonArray items:
                return new JsonArray([.. items.Select(Walk)]);
            default:
                return node?.GetValueKind() == JsonValueKind.String ? JsonValue.Create(Apply(node.GetValue<string>())) : node?.DeepClone();
        }
    }

    /// <summary>Of counts by reason whose reasons differed by a path only.</summary>
    private static JsonNode Sum(JsonNode before, JsonNode? value) =>
        before.GetValueKind() == JsonValueKind.Number && value?.GetValueKind() == JsonValueKind.Number
            ? JsonValue.Create(before.GetValue<long>() + value.GetValue<long>())
            : before.DeepClone();

    private static void Collect(JsonNode? node, Dictionary<string, string> known)
    {
        IEnumerable<JsonNode?> below = node switch { JsonObject fields => fields.Select(field => field.Value), JsonArray items => items, _ => [] };
        foreach (JsonNode? item in below)
        {
            Collect(item, known);
        }

        if (node?.GetValueKind() == JsonValueKind.String && node.GetValue<string>() is var value && Setting(value) is var published && published != value)
        {
            known[value] = published;
        }
    }

    private static string Address(Match address)
    {
        string scheme = address.Groups["scheme"].Value, authority = address.Groups["authority"].Value, path = address.Groups["rest"].Value;
        if (scheme.EndsWith("file", StringComparison.OrdinalIgnoreCase))
        {
            return NameOf(Uri.UnescapeDataString(authority + path));
        }

        string query = address.Groups["query"].Value, fragment = address.Groups["fragment"].Value;
        if (UnescapedPassword().IsMatch(authority) && (path + query + fragment).Contains('@', StringComparison.Ordinal))
        {
            // A password with an unescaped '/', '?' or '#': what looks like host and path is the credentials.
            return $"{scheme}://{Mark}@{Text((path + query + fragment).Split('@')[^1])}";
        }

        string host = authority.LastIndexOf('@') is >= 0 and int at ? Mark + authority[at..] : authority;
        return $"{scheme}://{host}{Keys().Replace(path, Mark)}{Parameters(query)}{Parameters(fragment)}";
    }

    /// <summary>A query or fragment, with its first character, whose values are taken out.</summary>
    private static string Parameters(string text) => text.Length < 2 ? text : text[0] + string.Join('&', text[1..].Split('&', ';').Select(part =>
    {
        string name = part.Split('=')[0];
        return PlainParameters.Contains(name) ? part : part.Contains('=', StringComparison.Ordinal) ? $"{name}={Mark}" : Mark;
    }));

    /// <summary>The last part of a path; of a home folder not even that, because it is a person's name.</summary>
    private static string NameOf(string path)
    {
        string whole = path.Trim().Replace('\\', '/').TrimEnd('/');
        string name = HomeFolder().IsMatch(whole) ? "" : HubId.OrName(whole);
        return name.Length == 0 || name is "." or ".." || name.EndsWith(':') ? Mark : Keys().Replace(name, Mark);
    }

    private const string KeyForms =
        @"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|\b(?:hf|gsk|r8)_[A-Za-z0-9]{16,}|\bgh[a-z]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bnvapi-[\w-]{16,}"
        + @"|\bxox[a-z]-[\w-]{10,}|\bA(?:KIA|SIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*";

    private const string SchemeForm = @"(?<![A-Za-z0-9+.-])(?<scheme>[A-Za-z0-9+.-]+):(?://|\\\\)";

    /// <summary>Beginnings of absolute paths: Windows drives and shares, and homes by "~".</summary>
    private const string ForeignRoots = @"(?<![A-Za-z])[A-Za-z]:[\\/](?![\\/])|\\\\(?=[^\\/\s])|(?<![\w.~/\\-])~[\w.-]*[\\/]";

    [GeneratedRegex($@"^{SchemeForm}(?<authority>[^/\\?#]*)(?<rest>[^?#]*)(?<query>\?[^#]*)?(?<fragment>#.*)?$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex WholeAddress();

    /// <summary>Absolute, or through a folder of homes however it is reached.</summary>
    [GeneratedRegex($@"^(?:/|~[\w.-]*$|{ForeignRoots})|[\\/](?:home|Users|Documents and Settings)[\\/]", RegexOptions.CultureInvariant)]
    private static partial Regex LocalPath();

    [GeneratedRegex(@"^(?:.*/)?(?:home|Users|Documents and Settings)/[^/]+$|^/root$|^~[^/]*$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex HomeFolder();

    [GeneratedRegex(@"^[^@\[\]]*:(?!\d*$)[^@\]]*$", RegexOptions.CultureInvariant)]
    private static partial Regex UnescapedPassword();

    [GeneratedRegex(KeyForms, RegexOptions.CultureInvariant)]
    private static partial Regex Keys();

    /// <summary>
    /// Within a text: addresses; paths of two parts at least ("8 /10" is none); keys by their form, or by the name before them; a name and password before a host.
    /// Each can begin at few places only, so that a long text costs little.
    /// </summary>
    [GeneratedRegex(
        $@"{SchemeForm}(?<authority>[^/\\?#\s""'<>]*)(?<rest>[^?#\s""'<>]*)(?<query>\?[^#\s""'<>]*)?(?<fragment>#[^\s""'<>]*)?"
        + $@"|(?<path>(?:{ForeignRoots}|(?<![^\s""'`(\[{{=,;:|])/(?=[^/\s]+/))[^\s""'`<>|*;,)\]}}]+)"
        + $@"|(?:{KeyForms})"
        + @"|(?i:(?<keep>(?<![\w-])(?:[\w-]*(?:api[_-]?key|access[_-]?key|token|secret|password|passwd|pwd)=|Bearer\s+|Authorization:\s*)))[^\s&,;""']{4,}"
        + @"|(?<![^\s/@""'<>])[^\s/@:""'<>]+:[^\s/@""'<>]+(?=@[\w.-]+)",
        RegexOptions.CultureInvariant)]
    private static partial Regex Within();
}
