namespace Medix.Runs.Recipes;

/// <summary>The allowed range of a number in a recipe, both ends included.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BetweenAttribute(double low, double high) : Attribute
{
    /// <summary>Smallest allowed value.</summary>
    public double Low { get; } = low;

    /// <summary>Largest allowed value.</summary>
    public double High { get; } = high;
}

/// <summary>The allowed words of a text in a recipe.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(params string[] words) : Attribute
{
    /// <summary>The allowed words.</summary>
    public IReadOnlyList<string> Words { get; } = words;
}

/// <summary>What a recipe field means, in one sentence: shown in the JSON Schema and in error messages.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MeaningAttribute(string text) : Attribute
{
    /// <summary>The sentence.</summary>
    public string Text { get; } = text;
}
