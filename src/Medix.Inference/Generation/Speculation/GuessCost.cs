namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// How long passes take that check guessed tokens, as shares of a pass without any: <paramref name="First"/> more for the first token (quantised weights are unpacked as
/// soon as there are several rows) and <paramref name="Further"/> for each one behind it. Of that the length of guesses is chosen.
/// </summary>
public readonly record struct GuessCost(double First, double Further)
{
    /// <summary>What is assumed where nobody measured it: a model whose passes wait for memory.</summary>
    public static GuessCost Default { get; } = new(0.15, 0.1);

    /// <summary>A pass with so many guessed tokens.</summary>
    public double Of(int tokens) => tokens == 0 ? 1 : 1 + First + ((tokens - 1) * Further);

    /// <summary>Whether both shares can be meant.</summary>
    internal bool IsSound => First is >= 0 and <= 10 && Further is >= 0 and <= 10;
}
