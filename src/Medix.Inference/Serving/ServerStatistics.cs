namespace Medix.Inference.Serving;

/// <summary>What a server has done since it started, and what it does now. The numbers are read one by one while it works.</summary>
public sealed record ServerStatistics
{
    /// <summary>Prompt tokens that went through the model.</summary>
    public long PromptTokensComputed { get; init; }

    /// <summary>Prompt tokens whose keys and values were there already.</summary>
    public long PromptTokensReused { get; init; }

    /// <summary>Images that went through the vision tower.</summary>
    public long ImagesEncoded { get; init; }

    /// <summary>Images of prompts whose features, or whose tokens' keys and values, were there already.</summary>
    public long ImagesReused { get; init; }

    /// <summary>Tokens drawn.</summary>
    public long TokensGenerated { get; init; }

    /// <summary>Passes that drew the tokens behind each first one: a pass gives every live draw a token, and a draw that is alone those too that were guessed rightly.</summary>
    public long DecodePasses { get; init; }

    /// <summary>Tokens guessed (<see cref="ServerOptions.Speculation"/>).</summary>
    public long TokensGuessed { get; init; }

    /// <summary>Of those, tokens that were right; they are among <see cref="TokensGenerated"/>. Those behind a wrong one count as wrong.</summary>
    public long TokensAccepted { get; init; }

    /// <summary>Requests completed.</summary>
    public long Finished { get; init; }

    /// <summary>Requests that ended with an error.</summary>
    public long Failed { get; init; }

    /// <summary>Requests cancelled.</summary>
    public long Cancelled { get; init; }

    /// <summary>Requests that draw tokens now.</summary>
    public int Live { get; init; }

    /// <summary>Requests whose prompts are being computed now.</summary>
    public int Computing { get; init; }

    /// <summary>Requests that wait for a place.</summary>
    public int Waiting { get; init; }

    /// <summary>Pages of keys and values in use, those of the prefix cache among them.</summary>
    public int PagesUsed { get; init; }

    /// <summary>Pages that the prefix cache holds.</summary>
    public int PagesCached { get; init; }

    /// <summary>Pages that may be in use.</summary>
    public int PagesMost { get; init; }

    /// <summary>Bytes of one page.</summary>
    public long PageBytes { get; init; }

    /// <summary>Bytes of the image features that are held.</summary>
    public long ImageBytes { get; init; }
}

/// <summary>The same while it changes: written by the server's thread, read by any.</summary>
internal sealed class ServerCounters
{
    public long PromptTokensComputed;
    public long PromptTokensReused;
    public long ImagesEncoded;
    public long ImagesReused;
    public long TokensGenerated;
    public long DecodePasses;
    public long TokensGuessed;
    public long TokensAccepted;
    public long Finished;
    public long Failed;
    public long Cancelled;
    public long ImageBytes;
    public int Live;
    public int Computing;
    public int PagesUsed;
    public int PagesCached;

    /// <summary>The numbers now.</summary>
    public ServerStatistics Read(int waiting, int pagesMost, long pageBytes) => new()
    {
        PromptTokensComputed = Volatile.Read(ref PromptTokensComputed),
        PromptTokensReused = Volatile.Read(ref PromptTokensReused),
        ImagesEncoded = Volatile.Read(ref ImagesEncoded),
        ImagesReused = Volatile.Read(ref ImagesReused),
        TokensGenerated = Volatile.Read(ref TokensGenerated),
        DecodePasses = Volatile.Read(ref DecodePasses),
        TokensGuessed = Volatile.Read(ref TokensGuessed),
        TokensAccepted = Volatile.Read(ref TokensAccepted),
        Finished = Volatile.Read(ref Finished),
        Failed = Volatile.Read(ref Failed),
        Cancelled = Volatile.Read(ref Cancelled),
        ImageBytes = Volatile.Read(ref ImageBytes),
        Live = Volatile.Read(ref Live),
        Computing = Volatile.Read(ref Computing),
        Waiting = waiting,
        PagesUsed = Volatile.Read(ref PagesUsed),
        PagesCached = Volatile.Read(ref PagesCached),
        PagesMost = pagesMost,
        PageBytes = pageBytes,
    };
}
