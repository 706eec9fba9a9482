using Medix.Runs;

namespace Medix.Inference.Generation.Speculation;

/// <summary>How <see cref="PromptLookup"/> guesses.</summary>
/// <param name="Shortest">The fewest last tokens that must have occurred before, at least 1.</param>
/// <param name="Longest">The most last tokens that are compared, at most 16.</param>
/// <param name="MostTokens">Tokens of a guess at most, 1 to <see cref="SpeculativeGenerator.MostTokens"/>.</param>
/// <param name="Cost">What checking guesses costs; null takes <see cref="GuessCost.Default"/>, or in a server what its own passes tell.</param>
public sealed record PromptLookupOptions(int Shortest = 2, int Longest = 5, int MostTokens = 10, GuessCost? Cost = null)
{
    /// <summary>What of these cannot be used; null where all can.</summary>
    internal string? Fault => Shortest >= 1 && Shortest <= Longest && Longest <= 16 && MostTokens is >= 1 and <= SpeculativeGenerator.MostTokens && Cost is not { IsSound: false }
        ? null
        : $"{this} cannot be used: expected 1 ≤ Shortest ≤ Longest ≤ 16, MostTokens from 1 to {SpeculativeGenerator.MostTokens} and costs from 0 to 10";
}

/// <summary>
/// Guesses that what followed the last tokens when they occurred before follows them again (prompt lookup decoding, Saxena 2023): answers about a report repeat its
/// words. The longest match counts, the latest of equals; a guess that reaches the end of the text goes on with itself, so that periods are continued.
/// Needs no second model, and what it guesses does not depend on chance.
/// </summary>
public sealed class PromptLookup : ITokenProposer
{
    private readonly PromptLookupOptions options;
    private readonly int[] guess;
    private GuessRates rates;

    /// <summary>Throws <see cref="MedixException"/> where an option is out of its range.</summary>
    public PromptLookup(PromptLookupOptions? options = null)
    {
        this.options = options ?? new PromptLookupOptions();
        Cost = this.options.Cost ?? GuessCost.Default;
        if (this.options.Fault is { } fault)
        {
            throw new MedixException(fault + ".");
        }

        guess = new int[this.options.MostTokens];
        rates = NewRates();
    }

    /// <inheritdoc />
    public int MostTokens => options.MostTokens;

    /// <summary>What lengths are chosen by from now on.</summary>
    internal GuessCost Cost { get; set; }

    /// <inheritdoc />
    public void Begin(ProposalContext context) => rates = NewRates();

    /// <inheritdoc />
    public void Propose(ReadOnlySpan<int> text, Proposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        rates.Learn(text);
        (int length, int next) = Find(text);
        if (length < options.Shortest)
        {
            return;
        }

        for (int i = 0; i < guess.Length; i++, next++)
        {
            guess[i] = next < text.Length ? text[next] : guess[next - text.Length];
        }

        int level = length - options.Shortest;
        rates.Remember(guess, text.Length, level);
        int count = rates.BestLength(level, Cost, proposal.Room);
        for (int i = 0; i < count; i++)
        {
            proposal.Add(guess[i]);
        }
    }

    /// <inheritdoc />
    public void End() => rates = NewRates();

    /// <summary>The longest earlier occurrence of the text's end, up to the longest wanted, and the place behind it.</summary>
    private (int Length, int Next) Find(ReadOnlySpan<int> text)
    {
        (int Length, int Next) best = (0, 0);
        if (text.IsEmpty)
        {
            return best;
        }

        for (int place = text[..^1].LastIndexOf(text[^1]); place >= 0 && best.Length < options.Longest; place = text[..place].LastIndexOf(text[^1]))
        {
            int length = 1;
            while (length < options.Longest && length <= place && text[place - length] == text[text.Length - 1 - length])
            {
                length++;
            }

            best = length > best.Length ? (length, place + 1) : best;
        }

        return best;
    }

    private GuessRates NewRates() => new(options.Longest - options.Shortest + 1, options.MostTokens);
}
