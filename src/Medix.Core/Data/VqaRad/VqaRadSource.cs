using System.Runtime.CompilerServices;

namespace Medix.Data;

/// <summary>
/// The public VQA-RAD files read directly: the JSON and its image folder. Answers are unchanged but for white space. The modality tag of an image comes from
/// <see cref="ModalityFindings"/>; where it is unknown the solution is the answer alone. A row's group is its MedPix case.
/// </summary>
public sealed class VqaRadSource(string path) : ISampleSource
{
    /// <inheritdoc/>
    public string Name => "vqa-rad";

    /// <inheritdoc/>
    public async IAsyncEnumerable<DatasetRow> ReadAsync(SkipLog skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string images = VqaRadFile.ImageFolder(path);
        IReadOnlyList<VqaRadQuestion> questions = await VqaRadFile.ReadAsync(path, skipped, cancellationToken).ConfigureAwait(false);
        IReadOnlyDictionary<string, ModalityFinding> modalities = ModalityFindings.Infer(questions);
        RowMapper mapper = new(ColumnNames.Default, VqaRadFile.FolderOf(path), Name);
        foreach (VqaRadQuestion question in questions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryMap(mapper, question, images, modalities, skipped) is { } row)
            {
                yield return row;
            }
        }
    }

    /// <summary>The row's fields as they stand in jsonl: the importer writes them, this source maps them.</summary>
    internal static Dictionary<string, object?> Cells(VqaRadQuestion question, string images, IReadOnlyDictionary<string, ModalityFinding> modalities)
    {
        string? tag = question.ImageName is { } name ? modalities.GetValueOrDefault(name)?.Modality : null;
        return new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["id"] = question.Id is null ? null : $"vqa-rad-{question.Id}",
            ["image"] = question.ImageName is null ? null : $"{images}/{question.ImageName}",
            ["source"] = "vqa-rad",
            ["problem"] = question.Question,
            ["solution"] = tag is null || question.Answer is null ? question.Answer : $"<{tag}>\n{question.Answer}",
            ["group"] = question.CaseUrl,
            ["question_type"] = question.QuestionType,
            ["answer_type"] = question.AnswerType,
            ["body_part"] = question.Organ,
        };
    }

    private static DatasetRow? TryMap(
        RowMapper mapper, VqaRadQuestion question, string images, IReadOnlyDictionary<string, ModalityFinding> modalities, SkipLog skipped)
    {
        try
        {
            if (question.ImageName is null)
            {
                throw new RowFaultException(SkipReasons.MissingField, "field 'image_name' is missing");
            }

            return mapper.Map(Cells(question, images, modalities), question.Place);
        }
        catch (RowFaultException fault)
        {
            skipped.Add(question.Place, fault);
            return null;
        }
    }
}
