using System.Globalization;
using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>What a phantom's question asks.</summary>
public enum QuestionKind
{
    /// <summary>Which finding: its name, or <c>no abnormality</c>.</summary>
    What,

    /// <summary>Whether a named finding is there: <c>yes, a cyst</c> or <c>no cyst</c>.</summary>
    Presence,

    /// <summary>The region of the finding.</summary>
    Where,

    /// <summary>How many findings: <c>one</c> to <c>four</c>.</summary>
    HowMany,

    /// <summary>Left or right: of the patient where the picture is read that way, of the image elsewhere, the eye or the breast where one is shown.</summary>
    Side,

    /// <summary>How large: <c>small</c>, <c>medium</c>, <c>large</c>, or a diameter in millimetres where the modality measures.</summary>
    Size,
}

/// <summary>
/// What to generate. <paramref name="Size"/> is the picture's side in pixels, 64 to 1024. <paramref name="Modalities"/> are tags of
/// <see cref="Medix.Data.Modalities"/>, null for all 16; every block of that many examples has each of them once.
/// <paramref name="Kinds"/> are the questions to ask, null for all six, uniform.
/// <paramref name="NormalShare"/> of the <see cref="QuestionKind.What"/> and <see cref="QuestionKind.Presence"/> questions go with a picture without findings.
/// </summary>
public sealed record PhantomOptions(
    int Size = 128, IReadOnlyList<string>? Modalities = null, IReadOnlyList<QuestionKind>? Kinds = null, double NormalShare = 0.25)
{
    /// <summary>The tags to draw, in order.</summary>
    internal IReadOnlyList<string> Tags => Modalities ?? Data.Modalities.All;

    /// <summary>The kinds to ask.</summary>
    internal IReadOnlyList<QuestionKind> Questions => Kinds ?? Enum.GetValues<QuestionKind>();

    /// <summary>Throws a <see cref="MedixException"/> that lists every unusable value.</summary>
    public void Validate()
    {
        List<string> faults = [];
        if (Size is < 64 or > 1024)
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"size is {Size} pixels: use 64 to 1024"));
        }

        string[] unknown = [.. Tags.Where(tag => !Data.Modalities.All.Contains(tag))];
        if (unknown.Length > 0 || Tags.Count == 0)
        {
            faults.Add($"modalities are '{string.Join(", ", Tags)}': use one or more of {string.Join(", ", Data.Modalities.All)}");
        }

        if (Questions.Count == 0 || Questions.Any(kind => !Enum.IsDefined(kind)))
        {
            faults.Add($"kinds are '{string.Join(", ", Questions)}': use one or more of {string.Join(", ", Enum.GetNames<QuestionKind>())}");
        }

        if (NormalShare is not (>= 0 and <= 1))
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"normalShare is {NormalShare}: use 0 to 1"));
        }

        if (faults.Count > 0)
        {
            throw new MedixException($"Phantom options cannot be used: {string.Join("; ", faults)}.");
        }
    }
}
