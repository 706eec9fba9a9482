namespace Medix.Runs;

/// <summary>
/// Seeds derived from the run's seed and what they are for, so that a draw never depends on how many draws came before it.
/// Mixing is SplitMix64's finaliser (Steele, Lea, Flood 2014).
/// </summary>
public static class Seed
{
    /// <summary>A seed for one purpose: for example <c>Derive(run, step, sample, draw)</c>.</summary>
    public static ulong Derive(ulong seed, params ReadOnlySpan<ulong> parts)
    {
        ulong state = Mix(seed + 0x9E3779B97F4A7C15UL);
        foreach (ulong part in parts)
        {
            state = Mix(state ^ (part + 0x9E3779B97F4A7C15UL));
        }

        return state;
    }

    /// <summary>A 64-bit value of a text (FNV-1a over its UTF-16 code units), stable across processes: for <see cref="Derive"/>.</summary>
    public static ulong Of(string text)
    {
        ulong hash = 14695981039346656037UL;
        foreach (char c in text)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        return hash;
    }

    /// <summary>A generator for the derived seed. Same seed, same sequence, on every machine.</summary>
    public static SeededRandom Random(ulong seed, params ReadOnlySpan<ulong> parts) => new(Derive(seed, parts));

    internal static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}

/// <summary>SplitMix64: a small generator whose whole state is one number, so that it can be saved and restored.</summary>
public sealed class SeededRandom(ulong state)
{
    /// <summary>The whole state; restore it to continue the sequence exactly.</summary>
    public ulong State { get; set; } = state;

    /// <summary>64 uniform bits.</summary>
    public ulong NextBits() => Seed.Mix(State += 0x9E3779B97F4A7C15UL);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double NextDouble(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Uniform integer in [0, bound); <paramref name="bound"/> must be positive.</summary>
    public int NextInt(int bound) => (int)(NextDouble() * bound);

    /// <summary>Uniform integer in [low, high).</summary>
    public int NextInt(int low, int high) => low + NextInt(high - low);

    /// <summary>Standard normal (Box-Muller).</summary>
    public double NextNormal() =>
        Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble())) * Math.Cos(2.0 * Math.PI * NextDouble());

    /// <summary>One element, uniformly.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[NextInt(items.Count)];

    /// <summary>Shuffles in place (Fisher-Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
