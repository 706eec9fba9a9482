using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// What guesses cost a model on this machine, learned from its own passes. The times of passes without guesses are followed, and the two shares by each pass with guesses:
/// a step along its own row of the system (normalised least mean squares: Widrow and Hoff 1960), so they fit best the lengths that are guessed lately. Whatever else runs
/// only slows passes, so the followed values fall fast and rise slowly, and one pass counts for little. Costs that are not tried are forgotten, slowly, for those assumed
/// at first: else one that was once too high would never be corrected.
/// </summary>
internal sealed class LearnedGuessCost
{
    private const double Fall = 0.2;
    private const double Rise = 0.05;

    /// <summary>A pass this share longer than expected counts as no longer.</summary>
    private const double Outlier = 0.5;

    /// <summary>Share that a pass without guesses forgets.</summary>
    private const double Forgotten = 1.0 / 1024;

    /// <summary>Rows are never free.</summary>
    private static readonly GuessCost Least = new(0.02, 0.01);

    private readonly GuessCost prior;
    private double plain;

    /// <summary>Assumes <paramref name="prior"/> at first.</summary>
    public LearnedGuessCost(GuessCost prior) => Cost = this.prior = prior;

    /// <summary>As it is known now.</summary>
    public GuessCost Cost { get; private set; }

    /// <summary>
    /// What to assume before any pass: little where passes wait for memory, so that guesses are tried; else the default. Rows of a sparse model read other experts.
    /// </summary>
    public static GuessCost PriorOf(TextDecoder decoder) => decoder.IsLarge && !decoder.HasExperts ? new GuessCost(0.1, 0.05) : GuessCost.Default;

    /// <summary>Learns from a pass over one sequence that had so many guessed tokens and took so long.</summary>
    public void Learn(int guessed, TimeSpan time)
    {
        double seconds = time.TotalSeconds;
        if (seconds <= 0)
        {
            return;
        }

        if (guessed == 0)
        {
            plain = plain == 0 ? seconds : plain + Change(seconds - plain, plain);
            Cost = new(Cost.First + (Forgotten * (prior.First - Cost.First)), Cost.Further + (Forgotten * (prior.Further - Cost.Further)));
        }
        else if (plain > 0)
        {
            // No pass with guesses is faster than one without.
            plain += Math.Min(0, Change(seconds - plain, plain));
            double expected = Cost.Of(guessed), further = guessed - 1;
            double step = Change((seconds / plain) - expected, expected) / (1 + (further * further));
            Cost = new(Math.Max(Least.First, Cost.First + step), Math.Max(Least.Further, Cost.Further + (further * step)));
        }
    }

    private static double Change(double error, double expected) => error < 0 ? Fall * error : Rise * Math.Min(error, Outlier * expected);
}
