using System.Numerics;
using System.Runtime.InteropServices;
using Medix.Inference.Kernels;

namespace Medix.Training.Optimizers;

/// <summary>
/// AdamW's constants. <paramref name="LearningRate"/> is the rate of the next step (schedules set it), decay is decoupled and applies to all parameters;
/// gradients are scaled down to a global norm of <paramref name="MaxGradientNorm"/> (0 or infinity: never).
/// </summary>
public sealed record AdamWOptions(
    double LearningRate = 1e-6, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0.01, double MaxGradientNorm = 1.0);

/// <summary>What a step did. A step whose gradient norm is NaN or infinite changes nothing: <paramref name="Applied"/> is false.</summary>
public sealed record OptimizerReport(bool Applied, double GradientNorm, double LearningRate, long Step);

/// <summary>An optimiser's whole state: steps taken and both moments, laid out as the parameters' storage.</summary>
public sealed record AdamWState(long Step, float[] FirstMoment, float[] SecondMoment);

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101) over flat storage: one pass over memory for the norm, one for the
/// update. Same numbers as torch.optim.AdamW to rounding. The sums do not depend on the number of threads.
/// </summary>
public sealed class AdamW(long count)
{
    private readonly float[] first = new float[count];
    private readonly float[] second = new float[count];

    /// <summary>Steps taken so far.</summary>
    public long Step { get; private set; }

    /// <summary>Clips the gradients' norm and updates the parameters in place; the gradients themselves are left as they are.</summary>
    public OptimizerReport Update(Span<float> parameters, ReadOnlySpan<float> gradients, AdamWOptions options)
    {
        if (parameters.Length != first.Length || gradients.Length != first.Length)
        {
            throw new ArgumentException($"The optimiser holds moments of {first.Length} parameters, given are {parameters.Length} and {gradients.Length}.");
        }

        double norm = AdamWKernel.Norm(gradients);
        if (!double.IsFinite(norm))
        {
            return new(false, norm, options.LearningRate, Step);
        }

        Step++;
        AdamWStep step = AdamWStep.At(Step, options, ClipFactor(norm, options.MaxGradientNorm));
        AdamWKernel.UpdateParallel(parameters, gradients, first, second, step);
        return new(true, norm, options.LearningRate, Step);
    }

    /// <summary>A copy of the state for a checkpoint.</summary>
    public AdamWState Export() => new(Step, [.. first], [.. second]);

    /// <summary>Continues from a checkpoint; the state must be of the same number of parameters.</summary>
    public void Import(AdamWState state)
    {
        if (state.FirstMoment.Length != first.Length || state.SecondMoment.Length != first.Length)
        {
            throw new Runs.MedixException(
                $"The optimiser state holds {state.FirstMoment.Length} moments, but the model has {first.Length} parameters. Resume with the model it was saved with.");
        }

        state.FirstMoment.CopyTo(first, 0);
        state.SecondMoment.CopyTo(second, 0);
        Step = state.Step;
    }

    /// <summary>What all gradients are multiplied by, as torch's clip_grad_norm_: max / (norm + 1e-6), at most 1.</summary>
    public static double ClipFactor(double norm, double maxNorm) =>
        maxNorm > 0 && double.IsFinite(maxNorm) ? Math.Min(1.0, maxNorm / (norm + 1e-6)) : 1.0;
}

/// <summary>One step's factors: the update is <c>p ← p·Decay − StepSize·m / (√v / RootCorrection + Epsilon)</c>,
/// with Rest1 = 1 − β₁ and Rest2 = 1 − β₂ taken before rounding.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct AdamWStep(
    float GradientScale, float Rest1, float Beta2, float Rest2, float Decay, float StepSize, float RootCorrection, float Epsilon)
{
    /// <summary>The factors of step <paramref name="step"/> (from 1), with bias correction folded in.</summary>
    public static AdamWStep At(long step, AdamWOptions options, double gradientScale) => new(
        (float)gradientScale, (float)(1 - options.Beta1), (float)options.Beta2, (float)(1 - options.Beta2), (float)(1 - (options.LearningRate * options.WeightDecay)),
        (float)(options.LearningRate / (1 - Math.Pow(options.Beta1, step))), (float)Math.Sqrt(1 - Math.Pow(options.Beta2, step)),
        (float)options.Epsilon);
}
