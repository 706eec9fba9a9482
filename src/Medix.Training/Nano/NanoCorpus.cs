using System.Reflection;

namespace Medix.Training.Nano;

/// <summary>The texts of which the nano model's tokenizer is made: general words of radiology beside the phantoms' own sentences.</summary>
public static class NanoCorpus
{
    private const int WordRepeats = 12;

    /// <summary>General words, each as it stands within a sentence, often enough to become tokens.</summary>
    public static IEnumerable<string> Words()
    {
        using Stream resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("nano/words.txt")!;
        using var reader = new StreamReader(resource);
        string[] words = reader.ReadToEnd().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return Enumerable.Repeat(string.Concat(words.Select(w => " " + w)), WordRepeats);
    }
}
