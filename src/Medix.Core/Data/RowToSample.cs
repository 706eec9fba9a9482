using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Data;

/// <summary>A solution taken apart: the modality tag without brackets (null where there is none) and the answer.</summary>
public sealed partial record Solution(string? Modality, string Answer)
{
    /// <summary>Takes a solution apart; a tag is read in any case. Null <paramref name="unknownTag"/>: the tag is absent or known.</summary>
    public static Solution Parse(string solution, out string? unknownTag)
    {
        unknownTag = null;
        Match match = LeadingTag().Match(solution);
        if (!match.Success)
        {
            return new Solution(null, solution.Trim());
        }

        string tag = match.Groups[1].Value;
        string? known = Modalities.All.FirstOrDefault(name => name.Equals(tag, StringComparison.OrdinalIgnoreCase));
        unknownTag = known is null ? tag : null;
        return new Solution(known, solution[match.Length..].Trim());
    }

    // A letter first, so that an answer such as "<5 mm" is no tag.
    [GeneratedRegex(@"^\s*<([A-Za-z][A-Za-z0-9_ -]*)>")]
    private static partial Regex LeadingTag();
}

/// <summary>Makes a <see cref="Sample"/> of a <see cref="DatasetRow"/>: answer and tag apart, the question in its template, images in their places.</summary>
public static class RowToSample
{
    /// <summary>
    /// The sample, or null after adding the row to <paramref name="skipped"/> with its reason. <paramref name="check"/> looks at each image
    /// (null: images are taken as they are). The split key is the row's own; <see cref="SampleSet"/> joins those that share a picture.
    /// </summary>
    public static Sample? Map(DatasetRow row, PromptTemplate template, ImageCheck? check, SkipLog skipped)
    {
        try
        {
            return Map(row, template, check);
        }
        catch (RowFaultException fault)
        {
            skipped.Add(row.Id, fault);
            return null;
        }
    }

    private static Sample Map(DatasetRow row, PromptTemplate template, ImageCheck? check)
    {
        Solution solution = Solution.Parse(row.Solution, out string? unknownTag);
        if (unknownTag is not null)
        {
            throw new RowFaultException(SkipReasons.UnknownTag, $"the solution starts with <{unknownTag}>, expected one of the 16 tags or none");
        }

        if (solution.Answer.Length == 0)
        {
            throw new RowFaultException(SkipReasons.EmptyAnswer, $"the solution '{row.Solution.Trim()}' has no answer");
        }

        string question = PromptTemplate.QuestionOf(row.Problem);
        if (question.Length == 0)
        {
            throw new RowFaultException(SkipReasons.EmptyQuestion, "the question holds nothing but image markers");
        }

        foreach (ImageSource image in row.Images)
        {
            CheckImage(image, check);
        }

        return new Sample(
            row.Id,
            row.Images,
            template.Render(row.Problem, row.Images.Count),
            question,
            solution.Answer,
            solution.Modality,
            row.Source,
            SplitKeys.Own(row, question),
            row.Notes);
    }

    private static void CheckImage(ImageSource image, ImageCheck? check)
    {
        try
        {
            check?.Invoke(image);
        }
        catch (MedixException fault)
        {
            throw new RowFaultException(SkipReasons.DamagedImage, fault.Message);
        }
    }
}

/// <summary>Looks at one image and throws <see cref="MedixException"/> when it cannot be used. Called once per image of a row.</summary>
public delegate void ImageCheck(ImageSource image);
