using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;

namespace Medix.Training.Modules.Kernels;

/// <summary>
/// Log-softmax statistics of rows of logits [rows, <see cref="Vocabulary"/>]: log-probability of the target and entropy, then the gradient by the logits.
/// With z = logit / temperature (minus infinity where banned): logp = z_t − log Σ eᶻ, H = log Σ eᶻ − Σ p·z.
/// </summary>
internal unsafe struct LogProbKernel
{
    private const int RowsPerJob = 8;
    private const int Lanes = Padding.Lanes;

    /// <summary>Stands for minus infinity in products, so that 0 · (−∞) stays 0.</summary>
    private const float VeryLow = -1e30f;

    public float* Logits;
    public int* Targets;
    public int* Banned;
    public int BannedCount;
    public float* LogProbs;
    public float* Entropies;
    public float* LogSums;
    public float* LogProbGradients;
    public float* EntropyGradients;
    public float* LogitGradients;
    public int Rows;
    public int Vocabulary;
    public float InverseTemperature;

    /// <summary>Turns the logits into z in place and fills the statistics of the rows.</summary>
    public void Forward()
    {
        fixed (LogProbKernel* self = &this)
        {
            WorkerPool.Shared.Run(&ForwardRows, self, (Rows + RowsPerJob - 1) / RowsPerJob);
        }
    }

    /// <summary>Writes <see cref="LogitGradients"/> from z; may be done in place.</summary>
    public void Backward()
    {
        fixed (LogProbKernel* self = &this)
        {
            WorkerPool.Shared.Run(&BackwardRows, self, (Rows + RowsPerJob - 1) / RowsPerJob);
        }
    }

    private static void ForwardRows(void* state, int job, int worker)
    {
        LogProbKernel k = *(LogProbKernel*)state;
        for (int row = job * RowsPerJob; row < Math.Min(k.Rows, (job + 1) * RowsPerJob); row++)
        {
            float* z = k.Logits + ((long)row * k.Vocabulary);
            float highest = ScaleAndBan(k, z);
            (float sum, float weighted) = Sums(z, k.Vocabulary, highest);
            float logSum = MathF.Log(sum);
            k.LogSums[row] = highest + logSum;
            k.LogProbs[row] = z[k.Targets[row]] - highest - logSum;
            k.Entropies[row] = logSum - (weighted / sum);
        }
    }

    private static float ScaleAndBan(in LogProbKernel k, float* z)
    {
        for (int i = 0; i < k.BannedCount; i++)
        {
            z[k.Banned[i]] = float.NegativeInfinity;
        }

        Vector512<float> top = Vector512.Create(float.NegativeInfinity);
        float highest = float.NegativeInfinity;
        int j = 0;
        for (; j <= k.Vocabulary - Lanes; j += Lanes)
        {
            Vector512<float> v = Vector512.Load(z + j) * k.InverseTemperature;
            v.Store(z + j);
            top = Vector512.Max(top, v);
        }

        for (; j < k.Vocabulary; j++)
        {
            z[j] *= k.InverseTemperature;
            highest = MathF.Max(highest, z[j]);
        }

        for (int lane = 0; lane < Lanes; lane++)
        {
            highest = MathF.Max(highest, top[lane]);
        }

        return highest;
    }

    /// <summary>Σ e^(z − highest) and Σ e^(z − highest)·(z − highest).</summary>
    private static (float Sum, float Weighted) Sums(float* z, int count, float highest)
    {
        Vector512<float> sums = default, weights = default, top = Vector512.Create(highest), low = Vector512.Create(VeryLow);
        int j = 0;
        for (; j <= count - Lanes; j += Lanes)
        {
            Vector512<float> t = Vector512.Load(z + j) - top, e = VectorMath.Exp(t);
            sums += e;
            weights = Vector512.FusedMultiplyAdd(e, Vector512.Max(t, low), weights);
        }

        float sum = Vector512.Sum(sums), weighted = Vector512.Sum(weights);
        for (; j < count; j++)
        {
            float e = MathF.Exp(z[j] - highest);
            sum += e;
            weighted += e * MathF.Max(z[j] - highest, VeryLow);
        }

        return (sum, weighted);
    }

    private static void BackwardRows(void* state, int job, int worker)
    {
        LogProbKernel k = *(LogProbKernel*)state;
        for (int row = job * RowsPerJob; row < Math.Min(k.Rows, (job + 1) * RowsPerJob); row++)
        {
            long at = (long)row * k.Vocabulary;
            float g = k.LogProbGradients[row] * k.InverseTemperature, h = k.EntropyGradients[row] * k.InverseTemperature;
            float* gradients = k.LogitGradients + at;
            Gradients(k.Logits + at, gradients, k.Vocabulary, k.LogSums[row], h, g + (h * k.Entropies[row]));
            gradients[k.Targets[row]] += g;
        }
    }

    /// <summary>−p·(h·log p + rest), with p = e^(z − logSum): the part that every token of the vocabulary takes.</summary>
    private static void Gradients(float* z, float* gradients, int count, float logSum, float h, float rest)
    {
        Vector512<float> shift = Vector512.Create(logSum), low = Vector512.Create(VeryLow), slope = Vector512.Create(h), base0 = Vector512.Create(rest);
        int j = 0;
        for (; j <= count - Lanes; j += Lanes)
        {
            Vector512<float> t = Vector512.Load(z + j) - shift;
            (-VectorMath.Exp(t) * Vector512.FusedMultiplyAdd(Vector512.Max(t, low), slope, base0)).Store(gradients + j);
        }

        for (; j < count; j++)
        {
            float t = z[j] - logSum;
            gradients[j] = -MathF.Exp(t) * ((MathF.Max(t, VeryLow) * h) + rest);
        }
    }
}
