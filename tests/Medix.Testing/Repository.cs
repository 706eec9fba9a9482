namespace Medix.Testing;

/// <summary>Where the checkout is, for tests that read its files.</summary>
public static class Repository
{
    /// <summary>The folder that holds Medix.slnx.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Medix.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Medix.slnx above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
