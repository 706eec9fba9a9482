namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// How often guesses have come true lately, and how many tokens are worth guessing by that. Rates are kept by level (how good the guess looked): a guess's first
/// token has the guess's level, each further one the next. Learning costs nothing where guesses do: what was remembered but not tried is compared with the text that
/// came. So a text that does not repeat itself soon costs nothing extra, and one that begins to is noticed.
/// </summary>
internal sealed class GuessRates(int levels, int mostTokens)
{
    /// <summary>Before anything is known: a guess of one token is tried.</summary>
    private const double Prior = 0.3;

    /// <summary>Share of the newest result.</summary>
    private const double Step = 0.15;

    private readonly double[] rates = [.. Enumerable.Repeat(Prior, levels)];
    private readonly int[] guess = new int[mostTokens];
    private int count;
    private int place;
    private int level;

    /// <summary>Keeps a guess about the tokens from <paramref name="at"/> on.</summary>
    public void Remember(ReadOnlySpan<int> tokens, int at, int guessLevel)
    {
        tokens.CopyTo(guess);
        count = tokens.Length;
        place = at;
        level = guessLevel;
    }

    /// <summary>Compares the last guess with the text, up to its first mistake.</summary>
    public void Learn(ReadOnlySpan<int> text)
    {
        for (int i = 0; i < count && place + i < text.Length; i++)
        {
            bool right = guess[i] == text[place + i];
            ref double rate = ref rates[Math.Min(level + i, levels - 1)];
            rate += Step * ((right ? 1 : 0) - rate);
            if (!right)
            {
                break;
            }
        }

        count = 0;
    }

    /// <summary>
    /// The length that gives most tokens per time, after Leviathan et al., arXiv 2211.17192, theorem 3.8: a pass over k guessed tokens gives 1 + r₁ + … + r₁…rₖ
    /// tokens and takes as long as <paramref name="cost"/> says; 0 where nothing is gained.
    /// </summary>
    public int BestLength(int guessLevel, GuessCost cost, int most)
    {
        double expected = 1, all = 1, best = 1;
        int length = 0;
        for (int k = 1; k <= most; k++)
        {
            all *= rates[Math.Min(guessLevel + k - 1, levels - 1)];
            expected += all;
            double gain = expected / cost.Of(k);
            if (gain > best)
            {
                (best, length) = (gain, k);
            }
        }

        return length;
    }
}
