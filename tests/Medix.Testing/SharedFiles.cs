using Xunit;

namespace Medix.Testing;

/// <summary>
/// The reference outputs and real data that live outside the repository: the folder named by MEDIX_SHARED, else <c>shared</c> beside the checkout.
/// Tests that need them skip with a reason where they are absent; with MEDIX_REQUIRE_SHARED=1 (set by <c>.ci/run</c> where they are present) a skip is a failure.
/// </summary>
public static class SharedFiles
{
    /// <summary>The folder that holds goldens/ and data/, or null.</summary>
    public static string? Root { get; } = FindRoot();

    /// <summary>The full path under goldens/ or data/; skips the calling test when the shared files are absent.</summary>
    public static string Require(params string[] parts)
    {
        string? path = Root is null ? null : Path.Combine([Root, .. parts]);
        bool present = path is not null && (File.Exists(path) || Directory.Exists(path));
        if (!present && Environment.GetEnvironmentVariable("MEDIX_REQUIRE_SHARED") == "1")
        {
            Assert.Fail($"{string.Join('/', parts)} is missing under the shared folder ({Root ?? "not found"}), and MEDIX_REQUIRE_SHARED is 1.");
        }

        Assert.SkipUnless(present, $"{string.Join('/', parts)} is not there: set MEDIX_SHARED to the folder that holds goldens/ and data/.");
        return path!;
    }

    private static string? FindRoot()
    {
        string? named = Environment.GetEnvironmentVariable("MEDIX_SHARED");
        if (!string.IsNullOrEmpty(named))
        {
            return Directory.Exists(named) ? Path.GetFullPath(named) : null;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Medix.slnx")))
            {
                string beside = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared"));
                return Directory.Exists(beside) ? beside : null;
            }
        }

        return null;
    }
}
