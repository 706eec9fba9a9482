using Medix.Clients.Hub;

namespace Medix.Cli.Commands;

/// <summary>What a user may give where a model is wanted: a path, or the name of a repository in the hub's cache.</summary>
internal static class ModelPath
{
    /// <summary>The path itself where it exists, else the newest snapshot of OWNER/NAME[@REVISION] in the cache, else the text as it is.</summary>
    public static string Of(string text) => Path.Exists(text) ? text : HubCache.TryFindSnapshot(text) ?? text;
}
