using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;

namespace Medix.Training.Modules.Kernels;

/// <summary>
/// RMSNorm over heads of <see cref="Width"/> numbers, optionally followed by half-split rotation (cos and sin [tokens, Width / 2]; null for none).
/// A token is <see cref="Heads"/> heads side by side; <see cref="Scales"/> [tokens, heads] keeps 1 / rms for the backward pass.
/// </summary>
internal unsafe struct HeadNormKernel
{
    private const int ChunkTokens = 64;
    private const int Lanes = Padding.Lanes;

    public float* X;
    public float* Weight;
    public float* Scales;
    public float* Cos;
    public float* Sin;
    public float* Y;
    public float* Dy;
    public float* Dx;
    public float* PartialDw;
    public int Tokens;
    public int Heads;
    public int Width;
    public float Epsilon;

    /// <summary>Rows of <see cref="PartialDw"/>: each chunk of tokens has its own, so the sum's order does not depend on the threads.</summary>
    public readonly int Chunks => (Tokens + ChunkTokens - 1) / ChunkTokens;

    public void Forward()
    {
        fixed (HeadNormKernel* self = &this)
        {
            WorkerPool.Shared.Run(&ForwardChunk, self, Chunks);
        }
    }

    /// <summary>Writes <see cref="Dx"/> and <see cref="PartialDw"/> [chunks, width].</summary>
    public void Backward()
    {
        fixed (HeadNormKernel* self = &this)
        {
            WorkerPool.Shared.Run(&BackwardChunk, self, Chunks);
        }
    }

    private static void ForwardChunk(void* state, int chunk, int worker)
    {
        HeadNormKernel k = *(HeadNormKernel*)state;
        int end = Math.Min(k.Tokens, (chunk + 1) * ChunkTokens);
        for (int token = chunk * ChunkTokens; token < end; token++)
        {
            for (int head = 0; head < k.Heads; head++)
            {
                long at = ((long)token * k.Heads) + head;
                float* x = k.X + (at * k.Width), y = k.Y + (at * k.Width);
                float scale = 1f / MathF.Sqrt((SumOfSquares(x, k.Width) / k.Width) + k.Epsilon);
                k.Scales[at] = scale;
                if (k.Cos is null)
                {
                    Normalise(x, k.Weight, scale, y, k.Width);
                }
                else
                {
                    int half = k.Width / 2;
                    Rotate(x, k.Weight, scale, k.Cos + ((long)token * half), k.Sin + ((long)token * half), y, half);
                }
            }
        }
    }

    private static float SumOfSquares(float* x, int width)
    {
        Vector512<float> sum = default;
        int i = 0;
        for (; i <= width - Lanes; i += Lanes)
        {
            Vector512<float> v = Vector512.Load(x + i);
            sum = Vector512.FusedMultiplyAdd(v, v, sum);
        }

        float total = Vector512.Sum(sum);
        for (; i < width; i++)
        {
            total += x[i] * x[i];
        }

        return total;
    }

    private static void Normalise(float* x, float* weight, float scale, float* y, int width)
    {
        int i = 0;
        for (; i <= width - Lanes; i += Lanes)
        {
            (Vector512.Load(x + i) * scale * Vector512.Load(weight + i)).Store(y + i);
        }

        for (; i < width; i++)
        {
            y[i] = x[i] * scale * weight[i];
        }
    }

    private static void Rotate(float* x, float* weight, float scale, float* cos, float* sin, float* y, int half)
    {
        int i = 0;
        for (; i <= half - Lanes; i += Lanes)
        {
            Vector512<float> a = Vector512.Load(x + i) * scale * Vector512.Load(weight + i);
            Vector512<float> b = Vector512.Load(x + half + i) * scale * Vector512.Load(weight + half + i);
            Vector512<float> c = Vector512.Load(cos + i), s = Vector512.Load(sin + i);
            ((a * c) - (b * s)).Store(y + i);
            ((b * c) + (a * s)).Store(y + half + i);
        }

        for (; i < half; i++)
        {
            float a = x[i] * scale * weight[i], b = x[half + i] * scale * weight[half + i];
            y[i] = (a * cos[i]) - (b * sin[i]);
            y[half + i] = (b * cos[i]) + (a * sin[i]);
        }
    }

    private static void BackwardChunk(void* state, int chunk, int worker)
    {
        HeadNormKernel k = *(HeadNormKernel*)state;
        float* dw = k.PartialDw + ((long)chunk * k.Width);
        new Span<float>(dw, k.Width).Clear();
        float* dn = stackalloc float[k.Cos is null ? 0 : k.Width];
        int half = k.Width / 2;
        int end = Math.Min(k.Tokens, (chunk + 1) * ChunkTokens);
        for (int token = chunk * ChunkTokens; token < end; token++)
        {
            for (int head = 0; head < k.Heads; head++)
            {
                long at = ((long)token * k.Heads) + head;
                float* dy = k.Dy + (at * k.Width);
                if (k.Cos is not null)
                {
                    RotateBack(dy, k.Cos + ((long)token * half), k.Sin + ((long)token * half), dn, half);
                    dy = dn;
                }

                NormBackward(k.X + (at * k.Width), k.Weight, k.Scales[at], dy, k.Dx + (at * k.Width), dw, k.Width);
            }
        }
    }

    private static void RotateBack(float* dy, float* cos, float* sin, float* dn, int half)
    {
        int i = 0;
        for (; i <= half - Lanes; i += Lanes)
        {
            Vector512<float> a = Vector512.Load(dy + i), b = Vector512.Load(dy + half + i);
            Vector512<float> c = Vector512.Load(cos + i), s = Vector512.Load(sin + i);
            ((a * c) + (b * s)).Store(dn + i);
            ((b * c) - (a * s)).Store(dn + half + i);
        }

        for (; i < half; i++)
        {
            float a = dy[i], b = dy[half + i];
            dn[i] = (a * cos[i]) + (b * sin[i]);
            dn[half + i] = (b * cos[i]) - (a * sin[i]);
        }
    }

    /// <summary>With n = x·scale: dw += dy·n and dx = scale·(dy·w − n·mean(dy·w·n)).</summary>
    private static void NormBackward(float* x, float* weight, float scale, float* dy, float* dx, float* dw, int width)
    {
        Vector512<float> dots = default;
        float dot = 0;
        int i = 0;
        for (; i <= width - Lanes; i += Lanes)
        {
            Vector512<float> g = Vector512.Load(dy + i) * (Vector512.Load(x + i) * scale);
            dots = Vector512.FusedMultiplyAdd(g, Vector512.Load(weight + i), dots);
            (Vector512.Load(dw + i) + g).Store(dw + i);
        }

        for (; i < width; i++)
        {
            float g = dy[i] * (x[i] * scale);
            dot += g * weight[i];
            dw[i] += g;
        }

        float pull = scale * scale * (dot + Vector512.Sum(dots)) / width;
        for (i = 0; i <= width - Lanes; i += Lanes)
        {
            Vector512<float> straight = Vector512.Load(dy + i) * Vector512.Load(weight + i) * scale;
            (straight - (Vector512.Load(x + i) * pull)).Store(dx + i);
        }

        for (; i < width; i++)
        {
            dx[i] = (dy[i] * weight[i] * scale) - (x[i] * pull);
        }
    }
}
