using System.Reflection;
using Medix.Runs;
using Medix.Text;

namespace Medix.Data;

/// <summary>
/// Wraps a question in instructions. The text holds <c>{question}</c> once, and <c>{tags}</c> where the 16 modality tags are listed.
/// The built-in ones are embedded text files: <c>medical</c> (the method's whole instructions), <c>short</c> (one line) and
/// <c>bare</c> (the question alone, for models already trained on the format).
/// </summary>
public sealed record PromptTemplate
{
    /// <summary>The marker a dataset writes in a question where an image stands.</summary>
    public const string ImageMarker = "<image>";

    private const string QuestionMarker = "{question}";
    private const string TagsMarker = "{tags}";

    private readonly string before;
    private readonly string after;

    /// <summary>A template from its text.</summary>
    /// <exception cref="MedixException">The text does not hold <c>{question}</c> exactly once.</exception>
    public PromptTemplate(string name, string text)
    {
        string[] parts = text.Trim().Replace(TagsMarker, TagList(), StringComparison.Ordinal).Split(QuestionMarker);
        if (parts.Length != 2)
        {
            throw new MedixException(
                $"Prompt template '{name}' holds {QuestionMarker} {parts.Length - 1} times, expected once. Put it where the question belongs.");
        }

        Name = name;
        (before, after) = (parts[0], parts[1]);
    }

    /// <summary>Its name, for the recipe and the report.</summary>
    public string Name { get; }

    /// <summary>The names of the built-in templates.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } = ["medical", "short", "bare"];

    /// <summary>A built-in template by name, or one from a text file by path.</summary>
    /// <exception cref="MedixException">Neither is there.</exception>
    public static PromptTemplate Load(string nameOrPath)
    {
        if (BuiltIn.Contains(nameOrPath))
        {
            using Stream resource = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Medix.Data.Templates.{nameOrPath}.txt")!;
            using StreamReader reader = new(resource);
            return new PromptTemplate(nameOrPath, reader.ReadToEnd());
        }

        return File.Exists(nameOrPath)
            ? new PromptTemplate(Path.GetFileNameWithoutExtension(nameOrPath), File.ReadAllText(nameOrPath))
            : throw new MedixException(
                $"There is no prompt template '{nameOrPath}': expected {string.Join(", ", BuiltIn)} or the path of a text file that holds {QuestionMarker}.");
    }

    /// <summary>A question in its instructions, as one text.</summary>
    public string Wrap(string question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return before + question.Trim() + after;
    }

    /// <summary>
    /// The user message for a question. Images stand where the question writes <see cref="ImageMarker"/>; a question without markers
    /// has all its images at the start of the message, before the instructions.
    /// </summary>
    /// <exception cref="RowFaultException">There are markers, but not one per image.</exception>
    internal IReadOnlyList<PromptMessage> Render(string problem, int images)
    {
        string[] pieces = problem.Trim().Split(ImageMarker);
        int markers = pieces.Length - 1;
        if (markers > 0 && markers != images)
        {
            throw new RowFaultException(
                SkipReasons.ImageMarkers, $"the question holds {ImageMarker} {markers} times, the row has {images} images");
        }

        List<PromptPart> parts = [];
        if (markers == 0)
        {
            parts.AddRange(Enumerable.Repeat(new ImagePart(), images));
        }

        string text = before + pieces[0];
        foreach (string piece in pieces.Skip(1))
        {
            AddText(parts, text);
            parts.Add(new ImagePart());
            text = piece;
        }

        AddText(parts, text + after);
        return [new PromptMessage("user", parts)];
    }

    /// <summary>The question without markers and the white space they leave, for reports and judges.</summary>
    internal static string QuestionOf(string problem) => problem.Replace(ImageMarker, " ", StringComparison.Ordinal).Trim();

    private static string TagList() => string.Join(", ", Modalities.All.Select(tag => $"<{tag}>"));

    private static void AddText(List<PromptPart> parts, string text)
    {
        if (text.Length > 0)
        {
            parts.Add(new TextPart(text));
        }
    }
}
