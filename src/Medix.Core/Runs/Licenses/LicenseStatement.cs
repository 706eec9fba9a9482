namespace Medix.Runs.Licenses;

/// <summary>Who makes a statement about a work's licence.</summary>
internal enum StatementOrigin
{
    /// <summary>A file beside the work.</summary>
    File,

    /// <summary>The work is known by its name.</summary>
    Name,

    /// <summary>It is about another work that this one is made of.</summary>
    Base,

    /// <summary>The recipe's field.</summary>
    Recipe,
}

/// <summary>What one place says about a work's licence; several licences are those of its parts.</summary>
/// <param name="Licenses">In the order of the text; unknown ones among them.</param>
/// <param name="ReadFrom">The place.</param>
/// <param name="Words">The words found there.</param>
/// <param name="Origin">What kind of place.</param>
internal sealed record LicenseStatement(IReadOnlyList<License> Licenses, string ReadFrom, string Words, StatementOrigin Origin = StatementOrigin.File)
{
    /// <summary>The licences whose terms are known.</summary>
    public IReadOnlyList<License> Known { get; } = [.. Licenses.Where(license => license.Terms != LicenseTerms.Unknown)];

    /// <summary>What all of them ask together.</summary>
    public LicenseTerms Demands => Known.Aggregate(LicenseTerms.Unknown, (all, license) => all | license.Demands);

    /// <summary>The licences by name.</summary>
    public string Names => string.Join(", ", Licenses);

    /// <summary>Whether each of its licences is also one of the other's, a family of unknown version counting as its every version.</summary>
    public bool IsWithin(LicenseStatement other) => Known.All(license => other.Known.Any(its => IsSame(license, its)));

    /// <summary>The same licence, or one of a family and the family.</summary>
    public static bool IsSame(License one, License other) => one.Id == other.Id || IsOf(one, other) || IsOf(other, one);

    private static bool IsOf(License family, License license) =>
        family.IsVersionUnknown && license.Demands == family.Demands && license.Id.StartsWith(family.Id + "-", StringComparison.Ordinal);
}
