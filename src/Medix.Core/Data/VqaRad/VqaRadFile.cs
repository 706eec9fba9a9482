using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Data;

/// <summary>One question of the public VQA-RAD JSON; fields that are absent or the text NULL are null.</summary>
/// <param name="Place">Where it stands in the file: <c>item 12 (qid 17)</c>.</param>
/// <param name="Id">The qid.</param>
/// <param name="ImageName">File name in the image folder.</param>
/// <param name="CaseUrl">The MedPix case: one patient.</param>
/// <param name="Organ">HEAD, CHEST or ABD.</param>
/// <param name="Question">The question.</param>
/// <param name="QuestionType">For example PRES, POS, MODALITY.</param>
/// <param name="Answer">The answer; runs of white space are one blank.</param>
/// <param name="AnswerType">CLOSED or OPEN.</param>
public sealed record VqaRadQuestion(
    string Place,
    string? Id,
    string? ImageName,
    string? CaseUrl,
    string? Organ,
    string? Question,
    string? QuestionType,
    string? Answer,
    string? AnswerType);

/// <summary>Reads the public JSON of VQA-RAD (Lau, Gayen, Ben Abacha, Demner-Fushman, Scientific Data 2018).</summary>
public static partial class VqaRadFile
{
    /// <summary>The JSON's published name.</summary>
    public const string PublicName = "VQA_RAD Dataset Public.json";

    private static readonly string[] ImageFolders = ["images", "VQA_RAD Image Folder"];

    /// <summary>Whether a path is the JSON or a folder that holds it.</summary>
    public static bool IsAt(string path) => JsonPath(path) is { } json && File.Exists(json);

    /// <summary>The folder of the images, relative to the JSON's.</summary>
    /// <exception cref="MedixException">There is none.</exception>
    public static string ImageFolder(string path)
    {
        string folder = FolderOf(path);
        return ImageFolders.FirstOrDefault(name => Directory.Exists(Path.Combine(folder, name)))
            ?? throw new MedixException(
                $"'{folder}' has no image folder: expected '{string.Join("' or '", ImageFolders)}' beside the JSON. Unpack the images there.");
    }

    /// <summary>The folder that holds the JSON.</summary>
    public static string FolderOf(string path) => Directory.Exists(path) ? Path.GetFullPath(path) : Path.GetDirectoryName(Path.GetFullPath(path))!;

    /// <summary>All questions; items that are no objects are added to <paramref name="skipped"/>.</summary>
    /// <exception cref="MedixException">There is no file, or it is not a JSON array.</exception>
    public static async Task<IReadOnlyList<VqaRadQuestion>> ReadAsync(string path, SkipLog skipped, CancellationToken cancellationToken)
    {
        string? json = JsonPath(path);
        if (json is null || !File.Exists(json))
        {
            throw new MedixException(
                $"There is no '{PublicName}' at '{Path.GetFullPath(path)}'. Download the public VQA-RAD files (osf.io/89kps) and give their folder.");
        }

        FileStream file = File.OpenRead(json);
        await using (file.ConfigureAwait(false))
        {
            try
            {
                using JsonDocument document = await JsonDocument.ParseAsync(file, cancellationToken: cancellationToken).ConfigureAwait(false);
                return document.RootElement.ValueKind == JsonValueKind.Array ? Questions(document.RootElement, skipped) : throw new MedixException(
                    $"'{json}' holds a JSON {document.RootElement.ValueKind}, expected the array of questions that VQA-RAD publishes. Download it again.");
            }
            catch (JsonException error)
            {
                throw new MedixException(
                    $"'{json}' is not JSON: {error.Message} Expected the array of questions that VQA-RAD publishes. Download it again.", error);
            }
        }
    }

    private static List<VqaRadQuestion> Questions(JsonElement array, SkipLog skipped)
    {
        List<VqaRadQuestion> questions = [];
        int number = 0;
        foreach (JsonElement element in array.EnumerateArray())
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"item {number++}");
            if (element.ValueKind == JsonValueKind.Object)
            {
                questions.Add(Question(JsonCells.Fields(element), place));
            }
            else
            {
                skipped.Add(SkipReasons.NotJson, place, $"it is a JSON {element.ValueKind}, expected an object");
            }
        }

        return questions;
    }

    private static VqaRadQuestion Question(Dictionary<string, object?> fields, string place)
    {
        string? id = Text(fields, "qid");
        return new VqaRadQuestion(
            id is null ? place : $"{place} (qid {id})",
            id,
            Text(fields, "image_name"),
            Text(fields, "image_case_url"),
            Text(fields, "image_organ"),
            Text(fields, "question"),
            Text(fields, "question_type"),
            Text(fields, "answer"),
            Text(fields, "answer_type"));
    }

    private static string? Text(Dictionary<string, object?> fields, string name)
    {
        string? text = fields.GetValueOrDefault(name) switch
        {
            string value => Blanks().Replace(value, " ").Trim(),
            long or double => Convert.ToString(fields[name], CultureInfo.InvariantCulture),
            _ => null,
        };
        return text is "NULL" ? null : text;
    }

    private static string? JsonPath(string path)
    {
        string name = Path.GetFileName(path);
        bool isJson = name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && name.Contains("VQA_RAD", StringComparison.OrdinalIgnoreCase);
        return Directory.Exists(path) ? Path.Combine(path, PublicName) : isJson ? path : null;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
