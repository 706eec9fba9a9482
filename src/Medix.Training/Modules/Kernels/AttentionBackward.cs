using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;

namespace Medix.Training.Modules.Kernels;

/// <summary>
/// Gradients of softmax attention for one key head of one group. With P the probabilities and dP = dO·Vᵀ: dS = P ⊙ (dP − rowsum(P ⊙ dP)),
/// dV = Pᵀ·dO, dQ = scale·dS·K, dK = scale·dSᵀ·Q.
/// </summary>
internal static unsafe class AttentionBackward
{
    public static void Run(void* state, int index, int worker)
    {
        AttentionKernel.Job* job = (AttentionKernel.Job*)state;
        AttentionScratch s = new(job->Scratch + (job->Sizes.Total * worker), job->Sizes);
        int keyHead = index % job->KeyHeads;
        AttentionKernel.GroupSpans group = job->Group(index / job->KeyHeads);
        for (int i = 0; i < group.Count; i++)
        {
            TokenSpan span = group[i];
            int before = i == 0 ? 0 : group[0].Length;
            s.LoadKeys(*job, keyHead, span, before, forBackward: true);
            ClearGradients(s, before, Padding.ToLanes(before + span.Length));
            for (int head = keyHead * job->QueriesPerKey; head < (keyHead + 1) * job->QueriesPerKey; head++)
            {
                Head(*job, s, head, span, before);
            }

            if (i > 0)
            {
                StoreGradients(*job, s, keyHead, span, before);
            }
        }

        StoreGradients(*job, s, keyHead, group[0], 0);
    }

    private static void Head(in AttentionKernel.Job job, in AttentionScratch s, int head, TokenSpan span, int before)
    {
        for (int row = 0; row < span.Length; row += AttentionKernel.BlockRows)
        {
            TokenSpan rows = new(span.Start + row, Math.Min(AttentionKernel.BlockRows, span.Length - row));
            Block(job, s, head, rows, before + row, before + span.Length);
        }
    }

    private static void Block(in AttentionKernel.Job job, in AttentionScratch s, int head, TokenSpan rows, int before, int allKeys)
    {
        int seen = job.Causal ? before + rows.Length : allKeys;
        int keys = Padding.ToLanes(seen), padded = Padding.ToTileRows(rows.Length), width = s.Padded;
        nint gradientAt = job.QueryAt(rows.Start, head);
        s.Scores(job, head, rows, keys);
        HeadMatrices.Load(job.Output + gradientAt, job.QueryStride, rows.Length, job.Width, s.DOut, padded, width);
        TileProduct.Multiply(s.DOut, width, 1, s.ValuesTransposed, s.LdKeys, s.Ds, s.LdKeys, padded, keys, job.Width, add: false);
        for (int i = 0; i < rows.Length; i++)
        {
            int own = job.Causal ? before + i + 1 : allKeys;
            float logSum = job.LogSums[((long)(rows.Start + i) * job.Heads) + head];
            ScoreGradients(s.S + ((long)i * s.LdKeys), s.Ds + ((long)i * s.LdKeys), own, keys, logSum);
        }

        TileProduct.Multiply(s.Ds, s.LdKeys, 1, s.K, width, s.Block, width, padded, width, seen, add: false);
        float* scales = stackalloc float[AttentionKernel.BlockRows];
        new Span<float>(scales, rows.Length).Fill(job.Scale);
        HeadMatrices.Store(s.Block, rows.Length, job.Width, width, job.Dq + gradientAt, job.QueryStride, scales);
        TileProduct.Multiply(s.S, 1, s.LdKeys, s.DOut, width, s.Dv, width, keys, width, rows.Length, add: true);
        TileProduct.Multiply(s.Ds, 1, s.LdKeys, s.Query, width, s.Dk, width, keys, width, rows.Length, add: true);
    }

    /// <summary>Turns a row of scores into probabilities and the row of dP into dS; what the row does not see becomes zero in both.</summary>
    private static void ScoreGradients(float* scores, float* gradients, int own, int padded, float logSum)
    {
        new Span<float>(scores + own, padded - own).Fill(float.NegativeInfinity);
        Vector512<float> sum = default, shift = Vector512.Create(logSum);
        for (int j = 0; j < padded; j += Padding.Lanes)
        {
            Vector512<float> p = VectorMath.Exp(Vector512.Load(scores + j) - shift);
            p.Store(scores + j);
            sum = Vector512.FusedMultiplyAdd(p, Vector512.Load(gradients + j), sum);
        }

        Vector512<float> mean = Vector512.Create(Vector512.Sum(sum));
        for (int j = 0; j < padded; j += Padding.Lanes)
        {
            (Vector512.Load(scores + j) * (Vector512.Load(gradients + j) - mean)).Store(gradients + j);
        }
    }

    private static void ClearGradients(in AttentionScratch s, int from, int to)
    {
        new Span<float>(s.Dk + ((long)from * s.Padded), (to - from) * s.Padded).Clear();
        new Span<float>(s.Dv + ((long)from * s.Padded), (to - from) * s.Padded).Clear();
    }

    private static void StoreGradients(in AttentionKernel.Job job, in AttentionScratch s, int keyHead, TokenSpan span, int before)
    {
        nint to = job.KeyAt(span.Start, keyHead);
        HeadMatrices.Store(s.Dk + ((long)before * s.Padded), span.Length, job.Width, s.Padded, job.Dk + to, job.KeyStride, null);
        HeadMatrices.Store(s.Dv + ((long)before * s.Padded), span.Length, job.Width, s.Padded, job.Dv + to, job.KeyStride, null);
    }
}
