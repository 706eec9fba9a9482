using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;

namespace Medix.Training.Modules.Kernels;

/// <summary>
/// Softmax attention over a layout of groups, forward and backward, without ever holding the whole score matrix: blocks of query rows against all the
/// keys they see, probabilities recomputed in the backward pass from the stored log of the softmax's denominator (as in FlashAttention, Dao et al.
/// 2022, arXiv 2205.14135; the keys of one head fit the second-level cache here, so they are not blocked). One job is a group and a key head:
/// the keys that several queries share are summed by one thread in a fixed order.
/// </summary>
internal sealed unsafe class AttentionKernel(AttentionLayout layout, AttentionShape shape)
{
    /// <summary>Query rows at a time. Fewer waste less on the causal triangle, more make better use of what is loaded.</summary>
    internal const int BlockRows = 32;

    [ThreadStatic]
    private static AlignedMemory? scratch;

    /// <summary>out [tokens, heads·d] and logSums [tokens, heads] from q, k, v.</summary>
    public void Forward(float* q, float* k, float* v, float* output, float* logSums)
    {
        Job job = new(q, k, v, output, logSums);
        Run(ref job, backward: false);
    }

    /// <summary>dq, dk, dv from the output's gradient and what the forward pass kept.</summary>
    public void Backward(float* q, float* k, float* v, float* logSums, float* gradient, float* dq, float* dk, float* dv)
    {
        Job job = new(q, k, v, gradient, logSums) { Dq = dq, Dk = dk, Dv = dv };
        Run(ref job, backward: true);
    }

    private void Run(ref Job job, bool backward)
    {
        int longest = layout.Groups.Max(group => group.LongestKeys);
        AttentionScratch.Sizes sizes = new(shape.HeadDim, Padding.ToLanes(longest), backward);
        long perWorker = sizes.Total;
        if (scratch is null || scratch.Length < perWorker * WorkerPool.Shared.Threads * sizeof(float))
        {
            scratch?.Dispose();
            scratch = AlignedMemory.OfFloats(perWorker * WorkerPool.Shared.Threads);
        }

        int[] table = Table();
        fixed (int* spans = table)
        fixed (Job* state = &job)
        {
            state->Spans = spans;
            state->Scratch = scratch.Floats;
            state->Sizes = sizes;
            state->Heads = shape.Heads;
            state->KeyHeads = shape.KeyValueHeads;
            state->Width = shape.HeadDim;
            state->Scale = shape.Scale;
            state->Causal = layout.Causal;
            int jobs = layout.Groups.Count * shape.KeyValueHeads;
            WorkerPool.Shared.Run(backward ? &AttentionBackward.Run : &ForwardJob, state, jobs);
        }
    }

    /// <summary>First the index of each group's entry, then entries: number of spans, then start and length of the shared span and of each branch.</summary>
    private int[] Table()
    {
        List<int> entries = [];
        int[] starts = new int[layout.Groups.Count];
        for (int i = 0; i < starts.Length; i++)
        {
            AttentionGroup group = layout.Groups[i];
            starts[i] = starts.Length + entries.Count;
            entries.AddRange([group.Branches.Count + 1, group.Shared.Start, group.Shared.Length]);
            entries.AddRange(group.Branches.SelectMany(branch => new[] { branch.Start, branch.Length }));
        }

        return [.. starts, .. entries];
    }

    private static void ForwardJob(void* state, int index, int worker)
    {
        Job* job = (Job*)state;
        AttentionScratch s = new(job->Scratch + (job->Sizes.Total * worker), job->Sizes);
        int keyHead = index % job->KeyHeads;
        GroupSpans group = job->Group(index / job->KeyHeads);
        for (int i = 0; i < group.Count; i++)
        {
            TokenSpan span = group[i];
            int before = i == 0 ? 0 : group[0].Length;
            s.LoadKeys(*job, keyHead, span, before, forBackward: false);
            for (int head = keyHead * job->QueriesPerKey; head < (keyHead + 1) * job->QueriesPerKey; head++)
            {
                for (int row = 0; row < span.Length; row += BlockRows)
                {
                    ForwardBlock(*job, s, head, new(span.Start + row, Math.Min(BlockRows, span.Length - row)), before + row, before + span.Length);
                }
            }
        }
    }

    private static void ForwardBlock(in Job job, in AttentionScratch s, int head, TokenSpan rows, int before, int allKeys)
    {
        int seen = job.Causal ? before + rows.Length : allKeys;
        s.Scores(job, head, rows, Padding.ToLanes(seen));
        float* inverse = stackalloc float[BlockRows];
        for (int i = 0; i < rows.Length; i++)
        {
            int own = job.Causal ? before + i + 1 : allKeys;
            float sum = Softmax(s.S + ((long)i * s.LdKeys), own, Padding.ToLanes(seen), out float highest);
            inverse[i] = 1f / sum;
            job.LogSums[((long)(rows.Start + i) * job.Heads) + head] = highest + MathF.Log(sum);
        }

        TileProduct.Multiply(s.S, s.LdKeys, 1, s.V, s.Padded, s.Block, s.Padded, Padding.ToTileRows(rows.Length), s.Padded, seen, add: false);
        HeadMatrices.Store(s.Block, rows.Length, job.Width, s.Padded, job.Output + job.QueryAt(rows.Start, head), job.QueryStride, inverse);
    }

    /// <summary>Replaces scores by e^(score − highest), zero from <paramref name="own"/> to <paramref name="padded"/>; returns their sum.</summary>
    private static float Softmax(float* scores, int own, int padded, out float highest)
    {
        new Span<float>(scores + own, padded - own).Fill(float.NegativeInfinity);
        Vector512<float> max = Vector512.Load(scores);
        for (int j = Padding.Lanes; j < padded; j += Padding.Lanes)
        {
            max = Vector512.Max(max, Vector512.Load(scores + j));
        }

        highest = Highest(max);
        Vector512<float> sum = default, top = Vector512.Create(highest);
        for (int j = 0; j < padded; j += Padding.Lanes)
        {
            Vector512<float> e = VectorMath.Exp(Vector512.Load(scores + j) - top);
            e.Store(scores + j);
            sum += e;
        }

        return Vector512.Sum(sum);
    }

    private static float Highest(Vector512<float> v)
    {
        Vector256<float> half = Vector256.Max(v.GetLower(), v.GetUpper());
        Vector128<float> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
    }

    /// <summary>One call's operands and sizes, shared by all threads. <see cref="Output"/> is the output, or in the backward pass its gradient.</summary>
    internal struct Job(float* q, float* k, float* v, float* output, float* logSums)
    {
        public readonly float* Q = q, K = k, V = v, Output = output, LogSums = logSums;
        public float* Dq, Dk, Dv, Scratch;
        public int* Spans;
        public AttentionScratch.Sizes Sizes;
        public int Heads, KeyHeads, Width;
        public float Scale;
        public bool Causal;

        public readonly int QueriesPerKey => Heads / KeyHeads;

        public readonly nint QueryStride => (nint)Heads * Width;

        public readonly nint KeyStride => (nint)KeyHeads * Width;

        public readonly nint QueryAt(int token, int head) => (token * QueryStride) + ((nint)head * Width);

        public readonly nint KeyAt(int token, int head) => (token * KeyStride) + ((nint)head * Width);

        public readonly GroupSpans Group(int index) => new(Spans + Spans[index]);
    }

    /// <summary>The shared span (index 0) and the branches of one group.</summary>
    internal readonly struct GroupSpans(int* entry)
    {
        public int Count => *entry;

        public TokenSpan this[int index] => new(entry[1 + (2 * index)], entry[2 + (2 * index)]);
    }
}
