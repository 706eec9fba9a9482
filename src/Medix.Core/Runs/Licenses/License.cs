namespace Medix.Runs.Licenses;

/// <summary>What a licence asks of whoever passes on a model made with the licensed work.</summary>
[Flags]
public enum LicenseTerms
{
    /// <summary>Not known to Medix, or terms of its own: a person must read it.</summary>
    Unknown = 0,

    /// <summary>Any use; naming the authors at most.</summary>
    Permissive = 1,

    /// <summary>A derivative must have the same licence, or one that the licence names.</summary>
    ShareAlike = 2,

    /// <summary>No commercial use.</summary>
    NonCommercial = 4,

    /// <summary>A derivative may not be passed on at all.</summary>
    NoDerivatives = 8,
}

/// <summary>One row of the table of licences.</summary>
/// <param name="Id">SPDX id, or <c>LicenseRef-…</c> where SPDX has none.</param>
/// <param name="HubId">The id that the Hugging Face Hub knows; <c>other</c> where it has none.</param>
/// <param name="Terms">What it asks.</param>
/// <param name="Becomes">Ids of other licences that a derivative may have instead.</param>
/// <param name="Rank">Place in the table: of several compatible licences the one of the highest rank asks the most.</param>
public sealed record License(string Id, string HubId, LicenseTerms Terms, IReadOnlyList<string> Becomes, int Rank)
{
    /// <summary>No licence was found, or a file says that there is none.</summary>
    public static License Missing { get; } = new("unknown", "other", LicenseTerms.Unknown, [], -1);

    /// <summary>What it asks of a derivative beyond naming the authors.</summary>
    public LicenseTerms Demands => Terms & ~LicenseTerms.Permissive;

    /// <summary>Whether it is a Creative Commons licence of which only the family is known: "CC BY" says no version, and none may be guessed.</summary>
    public bool IsVersionUnknown => Rank >= 0 && Id.StartsWith("CC-BY", StringComparison.Ordinal) && !char.IsAsciiDigit(Id[^1]);

    /// <summary>Whether all of <paramref name="terms"/> apply.</summary>
    public bool Has(LicenseTerms terms) => (Terms & terms) == terms;

    /// <summary>Whether a derivative may be passed on under <paramref name="other"/>.</summary>
    public bool Allows(License other) => Id == other.Id || Becomes.Contains(other.Id, StringComparer.Ordinal);

    /// <summary>A licence that the table lacks, under the name it was found by.</summary>
    public static License Unlisted(string name) => Missing with { Id = name };

    /// <inheritdoc />
    public override string ToString() => IsVersionUnknown ? $"{Id} (version unknown)" : Id;
}
