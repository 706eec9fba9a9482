using Medix.Clients.Hub;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary>What a user may give where a model is wanted: a path, or the name of a repository in the hub's cache.</summary>
internal static class ModelPath
{
    /// <summary>The path itself where it exists, else the snapshot of OWNER/NAME[@REVISION] in the cache; other texts as they are.</summary>
    /// <exception cref="MedixException">The text may be a repository's name, but the cache does not hold it.</exception>
    public static string Of(string text)
    {
        if (Path.Exists(text) || !HubRepository.TryParse(text, HubKind.Model, out _))
        {
            return text;
        }

        return HubCache.TryFindSnapshot(text)
            ?? throw new MedixException($"There is no folder '{text}', and no hub repository of that name in the cache. Correct the path, or fetch it with `medix pull {text}`.");
    }
}
