namespace Medix.Clients.Hub;

/// <summary>What went wrong with a hub; every kind has its own remedy.</summary>
public enum HubFault
{
    /// <summary>No such repository, or a private one that the token (or its absence) does not open: a hub does not tell these apart.</summary>
    RepositoryMissing,

    /// <summary>The repository has no such branch, tag or commit.</summary>
    RevisionMissing,

    /// <summary>The revision has no such file.</summary>
    EntryMissing,

    /// <summary>The repository's terms have to be accepted first.</summary>
    Gated,

    /// <summary>The hub has taken the repository down.</summary>
    Disabled,

    /// <summary>The token is wrong or has expired.</summary>
    TokenRefused,

    /// <summary>The token is good, but not for this.</summary>
    Forbidden,

    /// <summary>Too many requests.</summary>
    RateLimited,

    /// <summary>The hub is down or overloaded.</summary>
    Unavailable,

    /// <summary>The server cannot continue a download in the middle.</summary>
    RangeRefused,

    /// <summary>No connection: name, network, proxy or certificate.</summary>
    NoConnection,

    /// <summary>Nothing arrived for too long.</summary>
    TimedOut,

    /// <summary>The connection broke again and again.</summary>
    Cut,

    /// <summary>The file has another size than the hub announced.</summary>
    WrongSize,

    /// <summary>The file has another hash than the hub announced.</summary>
    WrongHash,

    /// <summary>Offline, and the cache does not hold it.</summary>
    NotCached,

    /// <summary>An answer that makes no sense: no hash, no commit, broken JSON, an unsafe path or redirect.</summary>
    BadAnswer,

    /// <summary>Not enough room on the disk.</summary>
    DiskFull,
}
