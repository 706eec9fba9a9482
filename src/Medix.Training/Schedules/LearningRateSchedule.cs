namespace Medix.Training.Schedules;

/// <summary>How the learning rate goes on after the warm-up.</summary>
public enum ScheduleShape
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls along half a cosine to the minimum ratio at <see cref="LearningRateSchedule.TotalSteps"/>.</summary>
    Cosine,
}

/// <summary>
/// The factor on the base learning rate, by step. The warm-up is linear from 0: with <paramref name="WarmupSteps"/> above 0 the very first step has
/// factor 0, as in the original and in transformers.
/// </summary>
/// <param name="Shape">Constant or cosine.</param>
/// <param name="WarmupSteps">Steps of the warm-up, ≥ 0.</param>
/// <param name="TotalSteps">The step at which a cosine reaches its minimum; ignored by a constant rate.</param>
/// <param name="MinimumRatio">The lowest factor of a cosine, in [0, 1].</param>
public sealed record LearningRateSchedule(
    ScheduleShape Shape = ScheduleShape.Constant, int WarmupSteps = 0, int TotalSteps = 0, double MinimumRatio = 0)
{
    /// <summary>The factor for step <paramref name="step"/>, counted from 0: in [0, 1].</summary>
    public double Factor(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (step < WarmupSteps)
        {
            return (double)step / WarmupSteps;
        }

        return Shape == ScheduleShape.Constant ? 1 : Cosine(step);
    }

    private double Cosine(int step)
    {
        double progress = (step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps);
        double factor = (Math.Cos(Math.PI * progress) * (1 - MinimumRatio) / 2) + ((1 + MinimumRatio) / 2);
        return Math.Max(MinimumRatio, factor);
    }
}
