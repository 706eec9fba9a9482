using System.Text.Encodings.Web;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Data;

/// <summary>Number of images and questions of one modality tag; <c>unknown</c> where there is none.</summary>
public sealed record ModalityCount(string Modality, int Images, int Questions);

/// <summary>What an import wrote and left out.</summary>
/// <param name="File">The jsonl written.</param>
/// <param name="Rows">Rows written.</param>
/// <param name="Images">Image files written.</param>
/// <param name="Modalities">Counts by tag, most images first.</param>
/// <param name="Bases">Images by how their tag was found.</param>
/// <param name="Skipped">Questions that were not written.</param>
public sealed record VqaRadImport(
    string File,
    int Rows,
    int Images,
    IReadOnlyList<ModalityCount> Modalities,
    IReadOnlyDictionary<ModalityBasis, int> Bases,
    SkippedRows Skipped);

/// <summary>Writes VQA-RAD as <c>train.jsonl</c> with an <c>images</c> folder, for <c>medix data import vqa-rad PATH --out DIR</c>.</summary>
public static class VqaRadImporter
{
    // Medical text holds µ, ≤ and the like; the file is for people too.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Imports. <paramref name="outFolder"/> must be absent or empty; it appears whole or not at all (written under a temporary name, then renamed).
    /// </summary>
    /// <exception cref="MedixException">The files cannot be read, no row can be used, or the folder is in use.</exception>
    public static async Task<VqaRadImport> ImportAsync(string path, string outFolder, CancellationToken cancellationToken)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(outFolder));
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            throw new MedixException($"'{target}' is not empty. Name a new folder, or empty this one.");
        }

        SkipLog skipped = new();
        List<DatasetRow> rows = [];
        await foreach (DatasetRow row in new VqaRadSource(path).ReadAsync(skipped, cancellationToken).ConfigureAwait(false))
        {
            rows.Add(row);
        }

        if (rows.Count == 0)
        {
            throw new MedixException($"No row of '{path}' can be used. {skipped.ToSkippedRows().Describe()}");
        }

        string part = target + ".part";
        DeleteIfThere(part);
        try
        {
            Directory.CreateDirectory(Path.Combine(part, "images"));
            await WriteAsync(rows, part, cancellationToken).ConfigureAwait(false);
            DeleteIfThere(target);
            Directory.Move(part, target);
        }
        finally
        {
            DeleteIfThere(part);
        }

        IReadOnlyList<VqaRadQuestion> questions = await VqaRadFile.ReadAsync(path, new SkipLog(), cancellationToken).ConfigureAwait(false);
        return Report(Path.Combine(target, "train.jsonl"), rows, ModalityFindings.Infer(questions), skipped.ToSkippedRows());
    }

    private static async Task WriteAsync(List<DatasetRow> rows, string folder, CancellationToken cancellationToken)
    {
        HashSet<string> written = new(StringComparer.Ordinal);
        StreamWriter writer = new(Path.Combine(folder, "train.jsonl")) { NewLine = "\n" };
        await using (writer.ConfigureAwait(false))
        {
            foreach (DatasetRow row in rows)
            {
                string image = $"images/{Path.GetFileName(row.Images[0].Name)}";
                if (written.Add(image))
                {
                    await File.WriteAllBytesAsync(Path.Combine(folder, image), row.Images[0].Bytes, cancellationToken).ConfigureAwait(false);
                }

                await writer.WriteLineAsync(JsonSerializer.Serialize(Fields(row, image), Json).AsMemory(), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static Dictionary<string, string?> Fields(DatasetRow row, string image) => new()
    {
        ["id"] = row.Id,
        ["image"] = image,
        ["source"] = row.Source,
        ["problem"] = row.Problem,
        ["solution"] = row.Solution,
        ["group"] = row.Group,
        ["question_type"] = row.Notes?.QuestionType,
        ["answer_type"] = row.Notes?.AnswerType,
        ["body_part"] = row.Notes?.BodyPart,
    };

    private static VqaRadImport Report(
        string file, List<DatasetRow> rows, IReadOnlyDictionary<string, ModalityFinding> findings, SkippedRows skipped)
    {
        HashSet<string> used = [.. rows.Select(row => Path.GetFileName(row.Images[0].Name))];
        ModalityCount[] modalities =
        [
            .. rows.GroupBy(row => findings[Path.GetFileName(row.Images[0].Name)].Modality ?? "unknown", StringComparer.Ordinal)
                .Select(group => new ModalityCount(group.Key, group.Select(row => row.Images[0].Name).Distinct(StringComparer.Ordinal).Count(), group.Count()))
                .OrderByDescending(count => count.Images),
        ];
        Dictionary<ModalityBasis, int> bases = findings
            .Where(finding => used.Contains(finding.Key))
            .GroupBy(finding => finding.Value.Basis)
            .ToDictionary(group => group.Key, group => group.Count());
        return new VqaRadImport(file, rows.Count, used.Count, modalities, bases, skipped);
    }

    private static void DeleteIfThere(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
