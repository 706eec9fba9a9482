namespace Medix.Evaluation.Reports;

/// <summary>The files a report is made of, carried inside the assembly.</summary>
internal static class Resources
{
    /// <summary>A resource as text.</summary>
    public static string Text(string name)
    {
        using StreamReader reader = new(Open(name));
        return reader.ReadToEnd();
    }

    /// <summary>A resource as a stream.</summary>
    public static Stream Open(string name) =>
        typeof(Resources).Assembly.GetManifestResourceStream($"Medix.Evaluation.Reports.Resources.{name}")
        ?? throw new InvalidOperationException($"The assembly carries no resource {name}.");
}
