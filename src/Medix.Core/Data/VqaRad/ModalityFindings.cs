namespace Medix.Data;

/// <summary>How an image's modality was found.</summary>
public enum ModalityBasis
{
    /// <summary>Nothing decides it: the modality is unknown.</summary>
    None,

    /// <summary>Its questions and answers name one modality and nothing speaks against it.</summary>
    Text,

    /// <summary>Of the modalities that text gives to images of its organ, one remains.</summary>
    Organ,

    /// <summary>Its questions and answers contradict each other: the modality is unknown.</summary>
    Conflict,
}

/// <summary>One image's modality tag (null: unknown), how it was found, and the questions that speak for it.</summary>
public sealed record ModalityFinding(string? Modality, ModalityBasis Basis, IReadOnlyList<string> Evidence);

/// <summary>
/// Tags for the images of VQA-RAD, from all questions and answers of the same image. An image without evidence of its own gets a tag from its organ
/// only where the data bear that out: at least ten images of the organ are decided by text, they show a closed list of modalities,
/// and of that list all but one are excluded (for chest and abdomen the list has one entry; a head that "is not a CT" leaves MRI).
/// </summary>
public static class ModalityFindings
{
    private const int MinimumWitnesses = 10;

    /// <summary>The finding of every image that has a name, by file name.</summary>
    public static IReadOnlyDictionary<string, ModalityFinding> Infer(IReadOnlyList<VqaRadQuestion> questions)
    {
        Dictionary<string, Collected> images = new(StringComparer.Ordinal);
        foreach (VqaRadQuestion question in questions)
        {
            if (question is { ImageName: { } name, Question: { } text, Answer: { } answer })
            {
                if (!images.TryGetValue(name, out Collected? image))
                {
                    images.Add(name, image = new Collected(question.Organ));
                }

                image.Add(ModalityReader.Read(text, answer, question.QuestionType), $"{text} {answer}");
            }
        }

        IReadOnlyDictionary<string, IReadOnlyList<string>> organs = WitnessedByOrgan(images.Values);
        return images.ToDictionary(image => image.Key, image => image.Value.Decide(organs), StringComparer.Ordinal);
    }

    /// <summary>By organ with enough witnesses: the tags that text gave to its images.</summary>
    private static Dictionary<string, IReadOnlyList<string>> WitnessedByOrgan(IEnumerable<Collected> images) => images
        .Where(image => image.Organ is not null && image.FromText is not null)
        .GroupBy(image => image.Organ!, StringComparer.Ordinal)
        .Where(group => group.Count() >= MinimumWitnesses)
        .ToDictionary(
            group => group.Key,
            IReadOnlyList<string> (group) => [.. group.Select(image => image.FromText!).Distinct(StringComparer.Ordinal)],
            StringComparer.Ordinal);

    private sealed class Collected(string? organ)
    {
        private readonly HashSet<string> against = [];
        private readonly HashSet<string> tags = [];
        private readonly List<string> evidence = [];

        public string? Organ { get; } = organ;

        public string? FromText => tags.Count == 1 && !against.Overlaps(tags) ? tags.First() : null;

        public void Add(ModalityEvidence found, string text)
        {
            if (found.For is not null)
            {
                tags.Add(found.For);
                evidence.Add(text);
            }
            else if (found.Against is not null)
            {
                against.Add(found.Against);
                evidence.Add(text);
            }
        }

        public ModalityFinding Decide(IReadOnlyDictionary<string, IReadOnlyList<string>> organs)
        {
            if (tags.Count > 0)
            {
                return new ModalityFinding(FromText, FromText is null ? ModalityBasis.Conflict : ModalityBasis.Text, evidence);
            }

            string[] left = Organ is not null && organs.TryGetValue(Organ, out IReadOnlyList<string>? seen) ? [.. seen.Except(against)] : [];
            return left is [var tag]
                ? new ModalityFinding(tag, ModalityBasis.Organ, evidence)
                : new ModalityFinding(null, ModalityBasis.None, evidence);
        }
    }
}
