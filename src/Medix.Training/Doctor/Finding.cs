namespace Medix.Training.Doctor;

/// <summary>How a check came out.</summary>
public enum Outcome
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>A run works, with a drawback.</summary>
    Warning,

    /// <summary>A run would fail.</summary>
    Failed,
}

/// <summary>One check: what was looked at, what was found, and what to do about it where something is wrong.</summary>
public sealed record Finding(string Check, Outcome Outcome, string Text, string? Remedy = null);
