using System.Runtime.Intrinsics;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Finds scale and minimum of w ≈ scale·q − minimum, q from 0 to <paramref name="Top"/>, for eight parts at once. Each of <paramref name="Steps"/> + 1 trial scales
/// gives levels; for those the best scale and minimum follow by weighted least squares, and the trial with the smallest weighted error wins. Larger values weigh more.
/// The method is that of llama.cpp's k-quants.
/// </summary>
internal readonly record struct AffineSearch(int Top, float First, float Step, int Steps)
{
    /// <summary>Runs the search; the minimum is given as a number to subtract, never negative.</summary>
    public void Run(ReadOnlySpan<Vector256<float>> values, Span<Vector256<int>> levels, out Vector256<float> scale, out Vector256<float> minimum)
    {
        Vector256<float> zero = Vector256<float>.Zero;
        Span<Vector256<float>> weights = stackalloc Vector256<float>[values.Length];
        Vector256<float> low = values[0], high = values[0];
        Weigh(values, weights, ref low, ref high, out Vector256<float> sumW, out Vector256<float> sumX);
        low = Vector256.ConditionalSelect(Vector256.GreaterThan(low, zero), zero, low);
        Vector256<float> flat = Vector256.Equals(high, low);
        Vector256<float> flatLow = low;
        Vector256<float> inverse = Vector256.Create((float)Top) / (high - low);
        scale = Vector256.Create(1f) / inverse;
        Vector256<float> best = FirstError(values, weights, inverse, low, scale, levels);
        Span<Vector256<int>> trialLevels = stackalloc Vector256<int>[values.Length];
        for (int step = 0; step <= Steps; step++)
        {
            inverse = Vector256.Create(First + (Step * step) + Top) / (high - low);
            Trial trial = Trial.Of(values, weights, inverse, low, Top, trialLevels);
            Vector256<float> determinant = (sumW * trial.SumLL) - (trial.SumL * trial.SumL);
            Vector256<float> ownScale = ((sumW * trial.SumXL) - (sumX * trial.SumL)) / determinant;
            Vector256<float> ownLow = ((trial.SumLL * sumX) - (trial.SumL * trial.SumXL)) / determinant;
            Vector256<float> positive = Vector256.GreaterThan(ownLow, zero);
            ownScale = Vector256.ConditionalSelect(positive, trial.SumXL / trial.SumLL, ownScale);
            ownLow = Vector256.ConditionalSelect(positive, zero, ownLow);
            Vector256<float> error = Error(values, weights, trialLevels, ownScale, ownLow);
            Vector256<float> better = Vector256.GreaterThan(determinant, zero) & Vector256.LessThan(error, best);
            best = Vector256.ConditionalSelect(better, error, best);
            scale = Vector256.ConditionalSelect(better, ownScale, scale);
            // The next trials start from the new minimum.
            low = Vector256.ConditionalSelect(better, ownLow, low);
            Take(better.AsInt32(), trialLevels, levels);
        }

        scale = Vector256.ConditionalSelect(flat, zero, scale);
        minimum = -Vector256.ConditionalSelect(flat, flatLow, low);
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = Vector256.AndNot(levels[i], flat.AsInt32());
        }
    }

    private static void Weigh(
        ReadOnlySpan<Vector256<float>> values, Span<Vector256<float>> weights, ref Vector256<float> low, ref Vector256<float> high,
        out Vector256<float> sumW, out Vector256<float> sumX)
    {
        Vector256<float> squares = Vector256<float>.Zero;
        foreach (Vector256<float> value in values)
        {
            squares += value * value;
            low = Vector256.ConditionalSelect(Vector256.LessThan(value, low), value, low);
            high = Vector256.ConditionalSelect(Vector256.GreaterThan(value, high), value, high);
        }

        Vector256<float> mean = Vector256.Sqrt(squares / Vector256.Create((float)values.Length));
        sumW = Vector256<float>.Zero;
        sumX = Vector256<float>.Zero;
        for (int i = 0; i < values.Length; i++)
        {
            weights[i] = mean + Vector256.Abs(values[i]);
            sumW += weights[i];
            sumX += weights[i] * values[i];
        }
    }

    private Vector256<float> FirstError(
        ReadOnlySpan<Vector256<float>> values, ReadOnlySpan<Vector256<float>> weights, Vector256<float> inverse, Vector256<float> low, Vector256<float> scale,
        Span<Vector256<int>> levels)
    {
        _ = Trial.Of(values, weights, inverse, low, Top, levels);
        return Error(values, weights, levels, scale, low);
    }

    private static Vector256<float> Error(
        ReadOnlySpan<Vector256<float>> values, ReadOnlySpan<Vector256<float>> weights, ReadOnlySpan<Vector256<int>> levels, Vector256<float> scale, Vector256<float> low)
    {
        Vector256<float> sum = Vector256<float>.Zero;
        for (int i = 0; i < values.Length; i++)
        {
            Vector256<float> difference = (scale * Vector256.ConvertToSingle(levels[i])) + low - values[i];
            sum += weights[i] * (difference * difference);
        }

        return sum;
    }

    private static void Take(Vector256<int> mask, ReadOnlySpan<Vector256<int>> source, Span<Vector256<int>> target)
    {
        if (mask == Vector256<int>.Zero)
        {
            return;
        }

        for (int i = 0; i < target.Length; i++)
        {
            target[i] = Vector256.ConditionalSelect(mask, source[i], target[i]);
        }
    }

    /// <summary>The weighted sums of a trial's levels.</summary>
    private readonly record struct Trial(Vector256<float> SumL, Vector256<float> SumLL, Vector256<float> SumXL)
    {
        public static Trial Of(
            ReadOnlySpan<Vector256<float>> values, ReadOnlySpan<Vector256<float>> weights, Vector256<float> inverse, Vector256<float> low, int top, Span<Vector256<int>> levels)
        {
            Vector256<float> sumL = Vector256<float>.Zero, sumLL = sumL, sumXL = sumL;
            for (int i = 0; i < values.Length; i++)
            {
                levels[i] = Lanes.Clamp(Lanes.Nearest(inverse * (values[i] - low)), 0, top);
                Vector256<float> level = Vector256.ConvertToSingle(levels[i]), weighted = weights[i] * level;
                sumL += weighted;
                sumLL += weighted * level;
                sumXL += weighted * values[i];
            }

            return new(sumL, sumLL, sumXL);
        }
    }
}
