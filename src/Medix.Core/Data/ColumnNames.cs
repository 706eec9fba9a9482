namespace Medix.Data;

/// <summary>
/// The names of a dataset's columns. A null means the published name or its usual alias: <c>id</c>, <c>image</c> or <c>images</c>,
/// <c>problem</c> or <c>question</c>, <c>solution</c> or <c>answer</c>, <c>source</c>. A name that is given must exist.
/// <see cref="Image"/> may be <see cref="NoImages"/>: the dataset is text only.
/// </summary>
public sealed record ColumnNames(
    string? Id = null,
    string? Image = null,
    string? Problem = null,
    string? Solution = null,
    string? Source = null)
{
    /// <summary>The value of <see cref="Image"/> for a dataset without images.</summary>
    public const string NoImages = "none";

    /// <summary>The published names and their aliases.</summary>
    public static ColumnNames Default { get; } = new();

    internal IReadOnlyList<string> IdCandidates => Id is null ? ["id"] : [Id];

    internal IReadOnlyList<string> ImageCandidates => Image is null ? ["image", "images", "file_name"] : [Image];

    internal IReadOnlyList<string> ProblemCandidates => Problem is null ? ["problem", "question"] : [Problem];

    internal IReadOnlyList<string> SolutionCandidates => Solution is null ? ["solution", "answer"] : [Solution];

    internal IReadOnlyList<string> SourceCandidates => Source is null ? ["source"] : [Source];

    internal bool IsTextOnly => Image == NoImages;
}
