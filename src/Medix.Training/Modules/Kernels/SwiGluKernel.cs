using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;

namespace Medix.Training.Modules.Kernels;

/// <summary>h = silu(gate)·up over <see cref="Count"/> numbers, and its gradients (Shazeer 2020, arXiv 2002.05202).</summary>
internal unsafe struct SwiGluKernel
{
    private const int Chunk = 1 << 14;
    private const int Lanes = Padding.Lanes;

    public float* Gate;
    public float* Up;
    public float* H;
    public float* Dh;
    public float* Dgate;
    public float* Dup;
    public long Count;

    public void Forward()
    {
        fixed (SwiGluKernel* self = &this)
        {
            WorkerPool.Shared.Run(&ForwardChunk, self, Chunks);
        }
    }

    public void Backward()
    {
        fixed (SwiGluKernel* self = &this)
        {
            WorkerPool.Shared.Run(&BackwardChunk, self, Chunks);
        }
    }

    private readonly int Chunks => checked((int)((Count + Chunk - 1) / Chunk));

    private static void ForwardChunk(void* state, int chunk, int worker)
    {
        SwiGluKernel k = *(SwiGluKernel*)state;
        long i = (long)chunk * Chunk, end = Math.Min(k.Count, i + Chunk);
        for (; i <= end - Lanes; i += Lanes)
        {
            Vector512<float> gate = Vector512.Load(k.Gate + i);
            (gate * VectorMath.Sigmoid(gate) * Vector512.Load(k.Up + i)).Store(k.H + i);
        }

        for (; i < end; i++)
        {
            k.H[i] = k.Gate[i] / (1f + MathF.Exp(-k.Gate[i])) * k.Up[i];
        }
    }

    private static void BackwardChunk(void* state, int chunk, int worker)
    {
        SwiGluKernel k = *(SwiGluKernel*)state;
        long i = (long)chunk * Chunk, end = Math.Min(k.Count, i + Chunk);
        for (; i <= end - Lanes; i += Lanes)
        {
            Vector512<float> gate = Vector512.Load(k.Gate + i), dh = Vector512.Load(k.Dh + i);
            Vector512<float> s = VectorMath.Sigmoid(gate), silu = gate * s;
            (dh * silu).Store(k.Dup + i);
            (dh * Vector512.Load(k.Up + i) * (s + (silu * (Vector512<float>.One - s)))).Store(k.Dgate + i);
        }

        for (; i < end; i++)
        {
            float s = 1f / (1f + MathF.Exp(-k.Gate[i])), silu = k.Gate[i] * s;
            k.Dup[i] = k.Dh[i] * silu;
            k.Dgate[i] = k.Dh[i] * k.Up[i] * (s + (silu * (1f - s)));
        }
    }
}
