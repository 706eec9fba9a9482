namespace Medix.Inference.Generation.Constraints;

/// <summary>The white space of JSON that is written under a schema: always the same, so that the model chooses contents only.</summary>
public enum JsonSpacing
{
    /// <summary>None: <c>{"a":[1,2]}</c>.</summary>
    Compact,

    /// <summary>One space after each colon and comma, as Python's json writes: <c>{"a": [1, 2]}</c>.</summary>
    SingleSpaces,
}
