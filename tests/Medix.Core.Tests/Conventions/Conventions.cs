using System.Text.RegularExpressions;

namespace Medix.Core.Tests.Conventions;

/// <summary>The project's rules about source text, as functions, so that each can be shown to catch what it is for.</summary>
internal static partial class Conventions
{
    public const int MaxLines = 500;
    public const int MaxColumns = 180;

    /// <summary>Who may use whom among the projects.</summary>
    public static readonly Dictionary<string, string[]> AllowedReferences = new(StringComparer.Ordinal)
    {
        ["Medix.Core"] = [],
        ["Medix.Inference"] = ["Medix.Core"],
        ["Medix.Training"] = ["Medix.Inference"],
        ["Medix.Web"] = ["Medix.Core"],
        ["Medix.Chat"] = ["Medix.Inference"],
        ["Medix.Cli"] = ["Medix.Training", "Medix.Web"],
    };

    /// <summary>Layers of Medix.Core: a namespace uses only those of lower layers and its own.</summary>
    public static readonly Dictionary<string, int> CoreLayers = new(StringComparer.Ordinal)
    {
        ["Runs"] = 0, ["Text"] = 0, ["Imaging"] = 0, ["Weights"] = 0, ["Clients"] = 0,
        ["Data"] = 1, ["Judging"] = 1,
        ["Rewards"] = 2, ["Evaluation"] = 2,
    };

    public static IEnumerable<string> FormatFaults(string text)
    {
        string[] lines = text.Split('\n');
        if (lines.Length - 1 > MaxLines)
        {
            yield return $"{lines.Length - 1} lines, at most {MaxLines}";
        }

        if (!text.EndsWith('\n') || text.EndsWith("\n\n", StringComparison.Ordinal))
        {
            yield return "must end with exactly one newline";
        }

        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > MaxColumns)
            {
                yield return $"line {i + 1}: {lines[i].Length} columns, at most {MaxColumns}";
            }

            if (lines[i].Contains('\t', StringComparison.Ordinal) || lines[i].Contains('\r', StringComparison.Ordinal) || lines[i].EndsWith(' '))
            {
                yield return $"line {i + 1}: tab, carriage return or trailing blank";
            }
        }
    }

    /// <summary>Classes and records that are neither sealed, abstract nor static.</summary>
    public static IEnumerable<string> UnsealedTypes(string text) =>
        TypeDeclaration().Matches(text)
            .Where(m => !m.Groups["modifiers"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Any(w => w is "sealed" or "abstract" or "static" or "file"))
            .Where(m => m.Groups["kind"].Value is not "record struct")
            .Select(m => m.Groups["name"].Value);

    /// <summary>Promises and swallowed exceptions.</summary>
    public static IEnumerable<string> Promises(string text) => Promise().Matches(text).Select(m => m.Value);

    /// <summary>Core namespaces used by a file of a lower layer.</summary>
    public static IEnumerable<string> LayerFaults(string folder, string text) =>
        UsesNamespace().Matches(text).Select(m => m.Groups["name"].Value)
            .Where(used => CoreLayers.TryGetValue(used, out int layer) && used != folder && layer > CoreLayers[folder])
            .Select(used => $"Medix.{folder} uses Medix.{used}");

    [GeneratedRegex(
        @"^[ ]*(?<modifiers>(?:(?:public|internal|private|protected|sealed|abstract|static|partial|unsafe|readonly|file|ref) )*)"
        + @"(?<kind>record struct|record class|record|class) (?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b|catch *(?:\([^)]*\))? *\{\s*\}")]
    private static partial Regex Promise();

    [GeneratedRegex(@"^using (?:static )?Medix\.(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex UsesNamespace();
}
