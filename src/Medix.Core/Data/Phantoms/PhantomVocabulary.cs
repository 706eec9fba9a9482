namespace Medix.Data.Phantoms;

/// <summary>What phantoms can say: a small closed language, listed so that tokenizers and tests can rely on it.</summary>
public static class PhantomVocabulary
{
    /// <summary>Every answer there can be, sorted.</summary>
    public static IReadOnlyList<string> Answers { get; } =
        [.. PhantomGenerator.Specs.SelectMany(PhantomLanguage.AnswersOf).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Every word of every question, answer and reasoning sentence there can be, in lower case, sorted.</summary>
    public static IReadOnlyList<string> Words { get; } =
    [
        .. PhantomGenerator.Specs.SelectMany(PhantomLanguage.PhrasesOf).Concat(PhantomLanguage.Templates)
            .SelectMany(SplitWords).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>The words of a text in lower case, without punctuation.</summary>
    public static IReadOnlyList<string> SplitWords(string text) =>
        text.ToLowerInvariant().Split([' ', ',', '.', '?'], StringSplitOptions.RemoveEmptyEntries);
}
