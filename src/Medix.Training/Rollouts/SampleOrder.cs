using Medix.Runs;

namespace Medix.Training.Rollouts;

/// <summary>
/// The order in which samples are used: a fresh permutation each pass, derived from (seed, pass) alone, so that a position is the whole state.
/// </summary>
public sealed class SampleOrder(int count, ulong seed)
{
    private readonly int[] permutation = new int[count];
    private long pass = -1;

    /// <summary>Samples handed out so far; set it to resume.</summary>
    public long Position { get; set; }

    /// <summary>The next sample's index.</summary>
    public int Next()
    {
        long wanted = Position / permutation.Length;
        if (wanted != pass)
        {
            for (int i = 0; i < permutation.Length; i++)
            {
                permutation[i] = i;
            }

            Seed.Random(seed, (ulong)wanted).Shuffle<int>(permutation);
            pass = wanted;
        }

        return permutation[(int)(Position++ % permutation.Length)];
    }
}
