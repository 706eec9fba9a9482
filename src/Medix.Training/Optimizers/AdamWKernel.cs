using System.Numerics;
using Medix.Inference.Kernels;

namespace Medix.Training.Optimizers;

/// <summary>The optimiser's arithmetic on plain memory.</summary>
public static unsafe class AdamWKernel
{
    private const int Chunk = 1 << 16;

    /// <summary>√Σ g²: products summed in double precision chunk by chunk, chunks in order.</summary>
    public static double Norm(ReadOnlySpan<float> gradients)
    {
        double[] sums = new double[Chunks(gradients.Length)];
        fixed (float* g = gradients)
        fixed (double* s = sums)
        {
            NormJob job = new() { Gradients = g, Sums = s, Count = gradients.Length };
            WorkerPool.Shared.Run(&SumChunk, &job, sums.Length);
        }

        return Math.Sqrt(sums.Sum());
    }

    /// <summary>One step of all parameters on the calling thread; all spans have one length.</summary>
    public static void Update(Span<float> parameters, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, in AdamWStep step)
    {
        Vector<float> scale = new(step.GradientScale), rest1 = new(step.Rest1), beta2 = new(step.Beta2), rest2 = new(step.Rest2);
        Vector<float> decay = new(step.Decay), size = new(step.StepSize), correction = new(step.RootCorrection), epsilon = new(step.Epsilon);
        int i = 0;
        for (; i <= parameters.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> g = new Vector<float>(gradients[i..]) * scale;
            Vector<float> m = new(first[i..]), v = new(second[i..]), p = new(parameters[i..]);
            m += (g - m) * rest1;
            v = (v * beta2) + (g * g * rest2);
            m.CopyTo(first[i..]);
            v.CopyTo(second[i..]);
            ((p * decay) - (size * m / ((Vector.SquareRoot(v) / correction) + epsilon))).CopyTo(parameters[i..]);
        }

        for (; i < parameters.Length; i++)
        {
            float g = gradients[i] * step.GradientScale;
            first[i] += (g - first[i]) * step.Rest1;
            second[i] = (second[i] * step.Beta2) + (g * g * step.Rest2);
            parameters[i] = (parameters[i] * step.Decay) - (step.StepSize * first[i] / ((MathF.Sqrt(second[i]) / step.RootCorrection) + step.Epsilon));
        }
    }

    /// <summary>As <see cref="Update"/>, shared out over all threads.</summary>
    public static void UpdateParallel(Span<float> parameters, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, in AdamWStep step)
    {
        fixed (float* p = parameters, g = gradients, m = first, v = second)
        {
            UpdateJob job = new() { Parameters = p, Gradients = g, First = m, Second = v, Count = parameters.Length, Step = step };
            WorkerPool.Shared.Run(&UpdateChunk, &job, Chunks(parameters.Length));
        }
    }

    private static int Chunks(int count) => (count + Chunk - 1) / Chunk;

    private static void SumChunk(void* state, int chunk, int worker)
    {
        NormJob* job = (NormJob*)state;
        int start = chunk * Chunk, count = Math.Min(Chunk, job->Count - start);
        ReadOnlySpan<float> gradients = new(job->Gradients + start, count);
        Vector<double> sum = default;
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(gradients[i..]), out Vector<double> low, out Vector<double> high);
            sum += (low * low) + (high * high);
        }

        double total = Vector.Sum(sum);
        for (; i < count; i++)
        {
            total += (double)gradients[i] * gradients[i];
        }

        job->Sums[chunk] = total;
    }

    private static void UpdateChunk(void* state, int chunk, int worker)
    {
        UpdateJob* job = (UpdateJob*)state;
        int start = chunk * Chunk, count = Math.Min(Chunk, job->Count - start);
        Update(new(job->Parameters + start, count), new(job->Gradients + start, count), new(job->First + start, count), new(job->Second + start, count), job->Step);
    }

    private struct NormJob
    {
        public float* Gradients;
        public double* Sums;
        public int Count;
    }

    private struct UpdateJob
    {
        public float* Parameters, Gradients, First, Second;
        public int Count;
        public AdamWStep Step;
    }
}
