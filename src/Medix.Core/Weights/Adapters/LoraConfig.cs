using System.Globalization;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>
/// Which modules of a model get an adapter, by PEFT's rules: <paramref name="Modules"/> are last parts of module paths, or <paramref name="Pattern"/> is a regular
/// expression that matches a whole path (it wins); <paramref name="Excluded"/> takes some back, and <paramref name="Layers"/> keeps only those decoder layers.
/// <paramref name="Parameters"/> are last parts of parameter paths for weights that are no module's own, as fused experts.
/// </summary>
public sealed record LoraTargets(
    IReadOnlyList<string> Modules, string? Pattern = null, IReadOnlyList<string>? Excluded = null, IReadOnlyList<int>? Layers = null, IReadOnlyList<string>? Parameters = null)
{
    /// <summary>Stands for every linear layer but the output head.</summary>
    public const string AllLinear = "all-linear";

    private static readonly Regex LayerNumber = new(@"\.[^.]*\.(\d+)\.", RegexOptions.CultureInvariant);

    /// <summary>Whether the linear module of this path is one of them.</summary>
    public bool HasModule(string path)
    {
        if (Excluded?.Any(name => EndsWithPart(path, name)) == true)
        {
            return false;
        }

        bool named = Pattern == AllLinear || (Pattern is null && Modules.Contains(AllLinear))
            ? !path.EndsWith("lm_head", StringComparison.Ordinal)
            : Pattern is not null ? Regex.IsMatch(path, $"^(?:{Pattern})$", RegexOptions.CultureInvariant) : Modules.Any(name => EndsWithPart(path, name));
        return named && InLayers(path);
    }

    /// <summary>Whether the parameter of this path is one of them.</summary>
    public bool HasParameter(string path) => Parameters?.Any(name => EndsWithPart(path, name)) == true && InLayers(path);

    private static bool EndsWithPart(string path, string name) =>
        path == name || (path.EndsWith(name, StringComparison.Ordinal) && path[path.Length - name.Length - 1] == '.');

    private bool InLayers(string path) => Layers is null
        || (LayerNumber.Match(path) is { Success: true } match && Layers.Contains(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)));
}

/// <summary>
/// A low-rank adapter's settings (LoRA, arXiv 2106.09685): the change of a weight is <c>scale · B · A</c> with <paramref name="Rank"/> rows in A and
/// scale = <paramref name="Alpha"/> / rank, or / √rank where <paramref name="RankStabilised"/> (arXiv 2312.03732). With <paramref name="Dora"/> the changed weight's
/// rows are then given learned lengths (arXiv 2402.09353). <paramref name="RankPattern"/> and <paramref name="AlphaPattern"/> change rank and alpha of the modules whose
/// path ends in the key, a regular expression.
/// </summary>
public sealed record LoraConfig(
    int Rank,
    double Alpha,
    LoraTargets Targets,
    bool RankStabilised = false,
    bool Dora = false,
    IReadOnlyDictionary<string, double>? RankPattern = null,
    IReadOnlyDictionary<string, double>? AlphaPattern = null,
    double Dropout = 0,
    string? BaseModel = null)
{
    /// <summary>The rank of the module of this path.</summary>
    public int RankOf(string path) => (int)(Lookup(RankPattern, path) ?? Rank);

    /// <summary>What B·A is multiplied by for the module of this path.</summary>
    public float ScaleOf(string path, int rank)
    {
        double alpha = Lookup(AlphaPattern, path) ?? Alpha;
        return (float)(alpha / (RankStabilised ? Math.Sqrt(rank) : rank));
    }

    /// <summary>Throws <see cref="MedixException"/> where rank, alpha or targets make no adapter.</summary>
    public void Validate(string source)
    {
        string? fault = Rank is < 1 or > 4096 ? $"rank {Rank}, expected 1 to 4096"
            : !(Alpha > 0) || !double.IsFinite(Alpha) ? $"alpha {Alpha}, expected a number above 0"
            : Targets.Pattern is null && Targets.Modules.Count == 0 && Targets.Parameters is not { Count: > 0 }
                ? "no targets, expected module names, for example \"q_proj\", or \"all-linear\""
            : Targets.Pattern is { } pattern && pattern != LoraTargets.AllLinear && !IsRegex(pattern) ? $"the target pattern '{pattern}', which is no regular expression"
            : null;
        if (fault is not null)
        {
            throw new MedixException($"{source}: the adapter has {fault}. Correct it.");
        }
    }

    private static double? Lookup(IReadOnlyDictionary<string, double>? patterns, string path)
    {
        foreach ((string key, double value) in patterns ?? new Dictionary<string, double>())
        {
            if (Regex.IsMatch(path, $@"^(?:.*\.)?(?:{key})$", RegexOptions.CultureInvariant))
            {
                return value;
            }
        }

        return null;
    }

    private static bool IsRegex(string pattern)
    {
        try
        {
            _ = new Regex(pattern, RegexOptions.CultureInvariant);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
