namespace Medix.Runs.Licenses;

/// <summary>One of the works that a trained model is made of, and the licences it comes under.</summary>
/// <param name="Kind">"weights" or "data".</param>
/// <param name="Name">Hub id, or the last name of its path.</param>
/// <param name="Licenses">
/// All licences that were found or stated; several where it is itself made of several works, or where places contradict each other. Empty where none was found.
/// </param>
/// <param name="ReadFrom">Where they were read, for a person to check.</param>
/// <param name="Stated">The words found there.</param>
public sealed record LicensedPart(string Kind, string Name, IReadOnlyList<License> Licenses, string ReadFrom, string Stated)
{
    /// <summary>The licences that count for a derivative: all but those that a stricter word about the same work contradicts.</summary>
    public IReadOnlyList<License> Binding { get; init; } = Licenses;

    /// <summary>Contradictions between the places, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The licences by name.</summary>
    public string Names => Licenses.Count == 0 ? License.Missing.Id : string.Join(", ", Licenses);
}
