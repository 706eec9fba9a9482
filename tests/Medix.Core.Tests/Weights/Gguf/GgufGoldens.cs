using Medix.Testing;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>The reference files, found by listing their folders.</summary>
internal static class GgufGoldens
{
    public static string Folder(string name) => SharedFiles.Require("goldens", "gguf", name);

    /// <summary>All GGUF files of the reference converter; of split models the first part.</summary>
    public static IReadOnlyList<string> Models()
    {
        string[] files = [.. Directory.GetFiles(Folder("models"), "*.gguf").Order(StringComparer.Ordinal)];
        Assert.NotEmpty(files);
        return [.. files.Where(file => !file.Contains("-of-", StringComparison.Ordinal) || file.Contains("-00001-of-", StringComparison.Ordinal))];
    }
}
