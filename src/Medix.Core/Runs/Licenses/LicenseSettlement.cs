namespace Medix.Runs.Licenses;

/// <summary>
/// Settles what several places say about one work. All of it is kept; where they contradict each other, the stricter binds and a warning says so: a laxer
/// word, the recipe's included, does not undo a stricter one.
/// </summary>
internal sealed class LicenseSettlement
{
    private readonly string _field;
    private readonly string _what;
    private readonly List<License> _binding;
    private readonly List<string> _warnings = [];

    private LicenseSettlement(string kind, string name, IEnumerable<License> all)
    {
        _field = FieldOf(kind);
        _what = $"the {kind} {name}";
        _binding = [.. all];
    }

    /// <summary>The recipe's field for a part's licence.</summary>
    public static string FieldOf(string kind) => kind == "weights" ? "model.license" : "data.license";

    /// <summary>The part with all its licences, those that bind, and warnings.</summary>
    public static LicensedPart Of(string kind, string name, IReadOnlyList<LicenseStatement> statements)
    {
        if (statements.Count == 0)
        {
            return new LicensedPart(kind, name, [], "nowhere", "");
        }

        License[] all = [.. statements.SelectMany(statement => statement.Licenses).Distinct()];
        LicenseSettlement settlement = new(kind, name, all);
        for (int i = 0; i < statements.Count; i++)
        {
            for (int j = i + 1; j < statements.Count; j++)
            {
                settlement.Compare(statements[i], statements[j]);
            }
        }

        settlement.SettleUnknown(statements);
        return new LicensedPart(
            kind, name, all, string.Join("; ", statements.Select(s => s.ReadFrom).Distinct()), string.Join("; ", statements.Select(s => s.Words).Distinct()))
        {
            Binding = settlement._binding, Warnings = [.. settlement._warnings.Distinct()],
        };
    }

    private void Compare(LicenseStatement one, LicenseStatement other)
    {
        if (one.Known.Count == 0 || other.Known.Count == 0 || (one.Origin == StatementOrigin.Base && other.Origin == StatementOrigin.Base))
        {
            return;
        }

        LicenseTerms oneLacks = other.Demands & ~one.Demands, otherLacks = one.Demands & ~other.Demands;
        if (oneLacks != 0 && otherLacks != 0)
        {
            Differ(one, other);
        }
        else if (oneLacks != 0)
        {
            Laxer(one, other, oneLacks);
        }
        else if (otherLacks != 0)
        {
            Laxer(other, one, otherLacks);
        }
        else
        {
            OfSameDemands(one, other);
        }
    }

    private void Laxer(LicenseStatement lax, LicenseStatement strict, LicenseTerms lacks)
    {
        if (lax.Origin == StatementOrigin.Base)
        {
            return; // a work may ask more than what it is made of
        }

        bool isOwn = strict.Origin != StatementOrigin.Base;
        // Whoever states more than is found only binds himself, unless what is found has to stay as it is.
        if (strict.Origin != StatementOrigin.Recipe || lax.Demands != 0)
        {
            string asks = $"which asks more ({Words(lacks)})";
            string says = isOwn ? $"{Place(strict)} says {strict.Names}, {asks}" : $"it is made of a work under {strict.Names}, {asks} ({strict.ReadFrom})";
            string mend = lax.Origin == StatementOrigin.Recipe ? $" Correct {_field}, or have the owner's word for it." : "";
            _warnings.Add($"Of {_what} {Place(lax)} says {lax.Names}, but {says}: the stricter counts.{mend}");
        }

        if (isOwn)
        {
            _binding.RemoveAll(license => lax.Known.Contains(license) && !strict.Known.Contains(license));
        }
    }

    private void OfSameDemands(LicenseStatement one, LicenseStatement other)
    {
        // "CC BY" beside "CC BY 4.0" is the same with less said.
        License[] families = [.. one.Known.Concat(other.Known).Where(license => license.IsVersionUnknown)];
        _binding.RemoveAll(license => families.Contains(license) && one.Known.Concat(other.Known).Any(its => its != license && LicenseStatement.IsSame(its, license)));
        bool recipeIsStricter = other.Origin == StatementOrigin.Recipe && other.Demands == 0 && other.Known.Max(l => l.Rank) >= one.Known.Max(l => l.Rank);
        if (!one.IsWithin(other) && !other.IsWithin(one) && !recipeIsStricter && one.Origin != StatementOrigin.Base && other.Origin != StatementOrigin.Base)
        {
            Differ(one, other);
        }
    }

    private void Differ(LicenseStatement one, LicenseStatement other)
    {
        if (one.Origin != StatementOrigin.Base && other.Origin != StatementOrigin.Base)
        {
            _warnings.Add($"Of {_what} {Place(one)} says {one.Names}, but {Place(other)} says {other.Names}: both count until it is settled which is right.");
        }
    }

    /// <summary>A licence that is said to be missing is settled by the recipe's word; the Hub's "cc" by any that says which.</summary>
    private void SettleUnknown(IReadOnlyList<LicenseStatement> statements)
    {
        bool isNamed = statements.Any(s => s.Origin == StatementOrigin.Name);
        LicenseStatement? recipe = statements.FirstOrDefault(s => s.Origin == StatementOrigin.Recipe && s.Licenses.Count == s.Known.Count);
        foreach (LicenseStatement open in statements.Where(s => s.Licenses.Contains(License.Missing)))
        {
            if (recipe is not null)
            {
                string words = LicenseProse.Shortened(open.Words);
                _warnings.Add($"Of {_what} {open.ReadFrom} leaves a licence open (\"{words}\"), {_field} says {recipe.Names}: have the owner's word for it.");
            }
        }

        if (recipe is not null || isNamed)
        {
            _binding.RemoveAll(license => license == License.Missing);
        }

        if (_binding.Any(license => license.Terms != LicenseTerms.Unknown && license.Id.StartsWith("CC", StringComparison.Ordinal)))
        {
            _binding.RemoveAll(license => license == License.Unlisted("cc"));
        }
    }

    private string Place(LicenseStatement statement) => statement.Origin == StatementOrigin.Recipe ? _field : statement.ReadFrom;

    private static string Words(LicenseTerms terms) => string.Join(", ", new (LicenseTerms Term, string Word)[]
    {
        (LicenseTerms.ShareAlike, "share-alike"), (LicenseTerms.NonCommercial, "non-commercial"), (LicenseTerms.NoDerivatives, "no derivatives"),
    }.Where(pair => terms.HasFlag(pair.Term)).Select(pair => pair.Word));
}
