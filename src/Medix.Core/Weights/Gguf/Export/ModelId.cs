using System.Globalization;
using System.Text.RegularExpressions;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// What llama.cpp's converter reads out of a model's name, such as <c>Qwen/Qwen3-VL-8B-Instruct</c>: name, organisation, base name (<c>Qwen3-VL</c>), tuning
/// (<c>Instruct</c>), version, size (<c>8B</c>). Parts that the name does not give are null.
/// </summary>
internal sealed partial record ModelId(string Name, string? Organization, string? Basename, string? Finetune, string? Version, string? Size)
{
    private enum Role
    {
        None,
        Base,
        Size,
        Finetune,
        Version,
        Format,
    }

    /// <summary>Reads a name. A size that is far from <paramref name="parameters"/>, the model's own number, is taken for a context length.</summary>
    public static ModelId Of(string id, long parameters)
    {
        if (id.Contains(' ', StringComparison.Ordinal))
        {
            return new(id, null, null, null, null, null);
        }

        int slash = id.IndexOf('/', StringComparison.Ordinal);
        string? organization = slash > 0 && id[0] != '.' ? id[..slash] : null;
        string name = id[(slash + 1)..];
        string[] parts = name.Split('-', StringSplitOptions.RemoveEmptyEntries);
        Role[] roles = Roles(parts, parameters);
        bool[] based = MarkBase(parts, roles);
        IEnumerable<string> Those(Func<int, bool> wanted) => Enumerable.Range(0, parts.Length).Where(wanted).Select(i => parts[i]);
        string? Join(Func<int, bool> wanted) => Joined(Those(wanted));
        string? size = Joined(Those(i => roles[i] == Role.Size).Distinct(StringComparer.Ordinal));
        string? finetune = Join(i => roles[i] == Role.Finetune), version = Join(i => roles[i] == Role.Version && !based[i]);
        return new(name, organization, size is null && finetune is null && version is null ? null : Join(i => based[i]), finetune, version, size);
    }

    /// <summary>A name as a title: <c>Tiny Qwen3Vl</c>. Words with capitals, versions and numbers stay as they are.</summary>
    public static string Title(string name) => string.Join(' ', name.Replace('-', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word =>
        word.Any(char.IsLower) && !word.Any(char.IsUpper) && !VersionOrNumber().IsMatch(word)
            ? string.Concat(word.Select((c, i) => i == 0 || !char.IsLetter(word[i - 1]) ? char.ToUpperInvariant(c) : c))
            : word));

    private static string? Joined(IEnumerable<string> parts) => string.Join('-', parts) is { Length: > 0 } text ? text : null;

    private static Role[] Roles(string[] parts, long parameters)
    {
        Role[] roles = new Role[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (VersionPart().IsMatch(parts[i]))
            {
                roles[i] = Role.Version;
            }
            else if (FormatPart().IsMatch(parts[i]))
            {
                roles[i] = Role.Format;
                parts[i] = parts[i].ToUpperInvariant();
            }
            else if (i > 0 && SizePart().IsMatch(parts[i]))
            {
                string label = Normal(parts[i]);
                bool other = parameters != 0 && IsOther(label, i + 1 < parts.Length ? parts[i + 1] : null, parameters);
                roles[i] = other ? Role.Finetune : Role.Size;
                parts[i] = other ? label[..^1] + char.ToLowerInvariant(label[^1]) : label;
            }
            else if (i > 0 && TuningPart().IsMatch(parts[i]))
            {
                roles[i] = Role.Finetune;
            }
        }

        // A size in words stands aside for one in numbers.
        if (parts.Where((part, i) => roles[i] == Role.Size && part.Any(char.IsAsciiDigit)).Any())
        {
            for (int i = 0; i < parts.Length; i++)
            {
                roles[i] = roles[i] == Role.Size && parts[i].All(char.IsLetter) ? Role.None : roles[i];
            }
        }

        return roles;
    }

    /// <summary>Which parts make the base name: plain words and versions at the start, but not versions at its end. What is left without a role is tuning.</summary>
    private static bool[] MarkBase(string[] parts, Role[] roles)
    {
        bool[] based = new bool[parts.Length];
        bool atStart = true;
        for (int i = 0; i < parts.Length; i++)
        {
            based[i] = atStart &= (roles[i] == Role.None && char.IsLetter(parts[i][0])) || roles[i] == Role.Version;
            roles[i] = roles[i] != Role.None ? roles[i] : based[i] ? Role.Base : Role.Finetune;
        }

        for (int i = parts.Length - 1; i >= 0 && based[i] && roles[i] == Role.Version; i--)
        {
            based[i] = false;
        }

        return based;
    }

    private static string Normal(string label)
    {
        label = label.Replace('_', '.');
        label = char.IsAsciiDigit(label[^1]) ? $"{label[..^2]}.{label[^1]}{label[^2]}" : label;
        return label.Length > 1 && char.IsAsciiDigit(label[^2]) && "kmbt".Contains(label[^1], StringComparison.Ordinal) ? label[..^1] + char.ToUpperInvariant(label[^1]) : label;
    }

    private static bool IsOther(string label, string? next, long parameters)
    {
        if (Number(label) is not { } size || Math.Abs(size - parameters) <= 7 * parameters / 8)
        {
            return false;
        }

        // "30B-A3B": a part of the model may have about as many parameters as are active.
        return !(next is not null && ActivePart().IsMatch(next) && Number(Normal(next)[1..]) is { } active && Math.Abs(active - parameters) <= 7 * parameters / 8);
    }

    private static double? Number(string label) => double.TryParse(label.AsSpan(0, label.Length - 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        ? number * Math.Pow(1000, " KMBT".IndexOf(label[^1], StringComparison.Ordinal))
        : null;

    [GeneratedRegex(@"^(v\d+(?:\.\d+)*|\d.*)$")]
    private static partial Regex VersionOrNumber();

    [GeneratedRegex(@"^(v|iter)?\d+([.]\d+)*$", RegexOptions.IgnoreCase)]
    private static partial Regex VersionPart();

    [GeneratedRegex(@"^(i?q\d(_\w)*|b?fp?(16|32))$", RegexOptions.IgnoreCase)]
    private static partial Regex FormatPart();

    [GeneratedRegex(@"^(([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl)$", RegexOptions.IgnoreCase)]
    private static partial Regex SizePart();

    [GeneratedRegex("^(chat|instruct|vision|lora)$", RegexOptions.IgnoreCase)]
    private static partial Regex TuningPart();

    [GeneratedRegex(@"^A\d+([._]\d+)?[KMBT][\d]?$", RegexOptions.IgnoreCase)]
    private static partial Regex ActivePart();
}
