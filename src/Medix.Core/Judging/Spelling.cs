namespace Medix.Judging;

/// <summary>
/// Brings a character or word to one spelling, so that texts which differ only there become equal: case, accents, Greek letters, dashes, British
/// spelling, plural. It is no linguistics: both sides of a comparison go through the same rules, so a stem need not be a word.
/// </summary>
internal static class Spelling
{
    /// <summary>What a character stands for, in lower case: itself, or the letters it is folded to; empty for marks that are dropped.</summary>
    public static string? Fold(char c) => c switch
    {
        'à' or 'á' or 'â' or 'ã' or 'ä' or 'å' or 'À' or 'Á' or 'Â' or 'Ã' or 'Ä' or 'Å' => "a",
        'è' or 'é' or 'ê' or 'ë' or 'È' or 'É' or 'Ê' or 'Ë' => "e",
        'ì' or 'í' or 'î' or 'ï' or 'Ì' or 'Í' or 'Î' or 'Ï' => "i",
        'ò' or 'ó' or 'ô' or 'õ' or 'ö' or 'ø' or 'Ò' or 'Ó' or 'Ô' or 'Õ' or 'Ö' or 'Ø' => "o",
        'ù' or 'ú' or 'û' or 'ü' or 'Ù' or 'Ú' or 'Û' or 'Ü' => "u",
        'ç' or 'Ç' => "c",
        'ñ' or 'Ñ' => "n",
        'ý' or 'ÿ' => "y",
        'æ' or 'Æ' => "ae",
        'œ' or 'Œ' => "oe",
        'ß' => "ss",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'µ' or 'μ' => "u",
        'α' or 'Α' => "alpha",
        'β' or 'Β' => "beta",
        'γ' or 'Γ' => "gamma",
        'δ' or 'Δ' => "delta",
        'ε' => "epsilon",
        'κ' => "kappa",
        'λ' => "lambda",
        '’' or '‘' or 'ʼ' => "'",
        '‐' or '‑' or '‒' or '–' or '—' or '−' => "-",
        '×' => " x ",
        '≥' => " >= ",
        '≤' => " <= ",
        '½' => ".5",
        '²' => "2",
        '³' => "3",
        '\u200B' or '\uFEFF' or '\u00AD' => "",
        >= '\u0300' and <= '\u036F' => "",
        _ => null,
    };

    /// <summary>The stem of a lower-case word of ASCII letters and digits.</summary>
    public static string Stem(string word)
    {
        if (word.Length < 4)
        {
            return word;
        }

        word = American(word.EndsWith("ae", StringComparison.Ordinal) ? word[..^1] : word);
        word = word switch
        {
            [.., 'i', 'e', 's'] when word.Length > 4 => string.Concat(word.AsSpan(0, word.Length - 3), "y"),
            [.., 'm', 'a', 't', 'a'] when word.Length > 6 => word[..^2],
            [.., 'i', 'c', 'e', 's'] when word.Length > 5 => string.Concat(word.AsSpan(0, word.Length - 4), "ix"),
            [.., 's', 's'] => word,
            [.., 'i', 's'] or [.., 'e', 's'] when word.Length > 4 => word[..^2],
            [.., 'u', 's'] => word,
            [.., 's'] => word[..^1],
            [.., 'i', 'n', 'g'] when word.Length > 6 => word[..^3],
            [.., not 'e', 'e', 'd'] when word.Length > 5 => word[..^2],
            _ => word,
        };
        return Ending(word);
    }

    /// <summary>Brings endings that Latin and Greek words change in the plural to one: thrombus and thrombi, septum and septa, vertex and vertices.</summary>
    private static string Ending(string word) => word switch
    {
        [.., 'u', 'm'] when word.Length > 4 => string.Concat(word.AsSpan(0, word.Length - 2), "a"),
        [.., 'e', 'x'] when word.Length > 5 => string.Concat(word.AsSpan(0, word.Length - 2), "ix"),
        [.., 'i'] when word.Length > 4 => string.Concat(word.AsSpan(0, word.Length - 1), "us"),
        [.., 'e'] when word.Length > 4 => word[..^1],
        _ => word,
    };

    private static string American(string word)
    {
        if (word.Contains("ae", StringComparison.Ordinal) || word.Contains("oe", StringComparison.Ordinal))
        {
            word = word.Replace("ae", "e", StringComparison.Ordinal).Replace("oe", "e", StringComparison.Ordinal);
        }

        if (word.Length > 4 && word.Contains("our", StringComparison.Ordinal))
        {
            word = word.Replace("our", "or", StringComparison.Ordinal);
        }

        if (word.EndsWith("tre", StringComparison.Ordinal) || word.EndsWith("bre", StringComparison.Ordinal))
        {
            word = string.Concat(word.AsSpan(0, word.Length - 2), "er");
        }
        else if (word.EndsWith("tres", StringComparison.Ordinal) || word.EndsWith("bres", StringComparison.Ordinal))
        {
            word = string.Concat(word.AsSpan(0, word.Length - 3), "er");
        }

        return word.Replace("isation", "ization", StringComparison.Ordinal)
            .Replace("sulph", "sulf", StringComparison.Ordinal)
            .Replace("leuc", "leuk", StringComparison.Ordinal);
    }
}
