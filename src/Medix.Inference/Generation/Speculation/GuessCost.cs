using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// How long passes take that check guessed tokens, as shares of a pass without any: <paramref name="First"/> more for the first token (quantised weights are unpacked as
/// soon as there are several rows) and <paramref name="Further"/> for each one behind it. By that the length of guesses is chosen; it never changes what is right.
/// </summary>
public readonly record struct GuessCost(double First, double Further)
{
    private const int FewRows = 2;
    private const int ManyRows = 9;
    private const int Rounds = 8;

    /// <summary>
    /// What is assumed where nobody measured: near the most that a quantised model's rows were seen to cost, in caches; where passes wait for memory they cost less.
    /// </summary>
    public static GuessCost Default { get; } = new(0.4, 0.25);

    /// <summary>Whether both shares can be meant.</summary>
    internal bool IsSound => First is >= 0 and <= 10 && Further is >= 0 and <= 10;

    /// <summary>
    /// Measures a model on this machine by passes of 1, 2 and 9 rows, the fastest of interleaved rounds each, since whatever else runs only slows them.
    /// It takes some forty tokens' time. Not during another computation.
    /// <paramref name="clock"/> null takes the system's.
    /// </summary>
    public static GuessCost Measure(Qwen3VLModel model, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        clock ??= TimeProvider.System;
        SequencePass pass = new(model, ManyRows, ManyRows);
        KvSequence sequence = new(model.Decoder.Pages);
        int[] rows = [1, FewRows, ManyRows];
        double[,] seconds = new double[rows.Length, Rounds];
        for (int round = -1; round < Rounds; round++)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                long start = clock.GetTimestamp();
                pass.Run(sequence, new int[rows[i]], 0);
                sequence.Clear();
                seconds[i, Math.Max(0, round)] = clock.GetElapsedTime(start).TotalSeconds;
            }
        }

        double one = Fastest(0), few = Fastest(1), many = Fastest(2);
        return new GuessCost(Share(few - one), Share((many - few) / (ManyRows - FewRows)));

        double Fastest(int i) => Enumerable.Range(0, Rounds).Select(round => seconds[i, round]).Min();

        double Share(double more) => one > 0 ? Math.Clamp(more / one, 0, 10) : 0;
    }

    /// <summary>A pass with so many guessed tokens.</summary>
    public double Of(int tokens) => tokens == 0 ? 1 : 1 + First + ((tokens - 1) * Further);
}
