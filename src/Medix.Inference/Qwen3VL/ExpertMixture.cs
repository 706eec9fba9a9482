using System.Numerics.Tensors;
using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// A sparse MLP over some rows (arXiv 2505.09388), in three parts so that a prefill can share each out over threads: the router chooses every row's experts; each
/// expert computes all rows that chose it, its weights read once; each row adds up what its experts gave. Few rows choose few experts, too few to share out whole: then
/// threads share parts of them, first of the gate and up projections, then of the down projections. Results depend neither on the order of the
/// experts nor on which rows are computed together.
/// </summary>
internal sealed unsafe class ExpertMixture(TextConfig text, int threads) : IDisposable
{
    private const int RowBlock = 32;

    /// <summary>Enough that threads finish together.</summary>
    private const int PartsPerThread = 16;

    private readonly int experts = text.Experts ?? 0;
    private readonly int perToken = text.ExpertsPerToken;
    private readonly Scratch scratch = new(threads);
    private AlignedMemory outputs = new(0);
    private AlignedMemory inners = new(0);
    private AlignedMemory probabilities = new(0);
    private int[] chosen = [];
    private int[] placeOf = [];
    private int[] rowAt = [];
    private readonly int[] offsets = new int[(text.Experts ?? 0) + 1];
    private readonly int[] active = new int[text.Experts ?? 0];
    private int activeCount;
    private int parts = 1;
    private float[] shares = [];
    private int count;

    public int Experts => experts;

    /// <summary>Parts of all experts that some row chose.</summary>
    public int Parts => activeCount * parts;

    /// <summary>Router logits of the rows, [rows, experts], for tests.</summary>
    public float* Logits => probabilities.Floats;

    /// <summary>Each row's experts, best first, [rows, per token].</summary>
    public ReadOnlySpan<int> Chosen => chosen.AsSpan(0, count * perToken);

    /// <summary>The weights of those experts.</summary>
    public ReadOnlySpan<float> Shares => shares.AsSpan(0, count * perToken);

    /// <summary>Makes room for <paramref name="rows"/> rows, which the next calls number from 0.</summary>
    public void Require(int rows)
    {
        count = rows;
        if (chosen.Length >= rows * perToken)
        {
            return;
        }

        chosen = new int[rows * perToken];
        placeOf = new int[rows * perToken];
        rowAt = new int[rows * perToken];
        shares = new float[rows * perToken];
        outputs.Dispose();
        outputs = AlignedMemory.OfFloats((long)rows * perToken * text.Hidden);
        probabilities.Dispose();
        probabilities = AlignedMemory.OfFloats((long)rows * experts);
        scratch.Require((long)RowBlock * (text.Hidden + (3 * text.ExpertIntermediate)));
    }

    /// <summary>Chooses the experts of the rows [<paramref name="first"/>, <paramref name="end"/>) of x [rows, Hidden].</summary>
    /// <param name="weights">The layer's.</param>
    /// <param name="x">Rows [rows, Hidden].</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">The row behind the last.</param>
    /// <param name="pool">Shares the router's outputs out; null where rows are shared out already.</param>
    public void Route(ExpertWeights weights, float* x, int first, int end, WorkerPool? pool)
    {
        float* logits = probabilities.Floats + ((long)first * experts), from = x + ((long)first * text.Hidden);
        if (pool is null)
        {
            weights.Router.Multiply(from, text.Hidden, logits, experts, end - first);
        }
        else
        {
            weights.Router.Multiply(pool, from, text.Hidden, logits, experts, end - first);
        }

        for (int row = first; row < end; row++)
        {
            Choose(new ReadOnlySpan<float>(probabilities.Floats + ((long)row * experts), experts), row);
        }
    }

    /// <summary>Sorts the choices of all rows by expert; from one thread, between <see cref="Route"/> and <see cref="Compute"/>.</summary>
    public void Sort()
    {
        Array.Clear(offsets);
        int pairs = count * perToken;
        for (int slot = 0; slot < pairs; slot++)
        {
            offsets[chosen[slot] + 1]++;
        }

        for (int expert = 0; expert < experts; expert++)
        {
            offsets[expert + 1] += offsets[expert];
        }

        // Filling moves each expert's offset to its end, which is the next one's start: they are moved back after.
        for (int slot = 0; slot < pairs; slot++)
        {
            int place = offsets[chosen[slot]]++;
            placeOf[slot] = place;
            rowAt[place] = slot / perToken;
        }

        for (int expert = experts; expert > 0; expert--)
        {
            offsets[expert] = offsets[expert - 1];
        }

        offsets[0] = 0;
        activeCount = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            if (offsets[expert + 1] > offsets[expert])
            {
                active[activeCount++] = expert;
            }
        }

        parts = Math.Max(1, threads * PartsPerThread / Math.Max(1, activeCount));
    }

    /// <summary>Makes room for the inner values of <see cref="ComputeGateUp"/>.</summary>
    public void RequireInners()
    {
        long bytes = (long)count * perToken * 2 * text.ExpertIntermediate * sizeof(float);
        if (inners.Length < bytes)
        {
            inners.Dispose();
            inners = new AlignedMemory(bytes);
        }
    }

    /// <summary>One expert's outputs for the rows of x [rows, Hidden] that chose it.</summary>
    public void Compute(ExpertWeights weights, float* x, int expert, int worker)
    {
        int inner = text.ExpertIntermediate, hidden = text.Hidden;
        float* gathered = scratch[worker], gateUp = gathered + ((long)RowBlock * hidden), product = gateUp + ((long)RowBlock * 2 * inner);
        for (int start = offsets[expert]; start < offsets[expert + 1]; start += RowBlock)
        {
            int rows = Math.Min(RowBlock, offsets[expert + 1] - start);
            Gather(x, start, rows, gathered);
            weights.GateUp[expert].Multiply(gathered, hidden, gateUp, 2 * inner, rows);
            Activate(gateUp, rows, product);
            weights.Down[expert].Multiply(product, inner, outputs.Floats + ((long)start * hidden), hidden, rows);
        }
    }

    /// <summary>A part of the gate and up projections of all active experts, for x [rows, Hidden].</summary>
    public void ComputeGateUp(ExpertWeights weights, float* x, int part, int worker)
    {
        (int expert, int width) = (active[part / parts], 2 * text.ExpertIntermediate);
        for (int start = offsets[expert]; start < offsets[expert + 1]; start += RowBlock)
        {
            int rows = Math.Min(RowBlock, offsets[expert + 1] - start);
            Gather(x, start, rows, scratch[worker]);
            weights.GateUp[expert].MultiplyPart(scratch[worker], text.Hidden, inners.Floats + ((long)start * width), width, rows, part % parts, parts);
        }
    }

    /// <summary>A part of the down projections of all active experts, when all of the others are done.</summary>
    public void ComputeDown(ExpertWeights weights, int part, int worker)
    {
        (int expert, int inner) = (active[part / parts], text.ExpertIntermediate);
        for (int start = offsets[expert]; start < offsets[expert + 1]; start += RowBlock)
        {
            int rows = Math.Min(RowBlock, offsets[expert + 1] - start);
            Activate(inners.Floats + ((long)start * 2 * inner), rows, scratch[worker]);
            weights.Down[expert].MultiplyPart(scratch[worker], inner, outputs.Floats + ((long)start * text.Hidden), text.Hidden, rows, part % parts, parts);
        }
    }

    /// <summary>Adds the experts' outputs to the rows [<paramref name="first"/>, <paramref name="end"/>) of hidden states.</summary>
    public void Combine(float* states, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            Span<float> target = new(states + ((long)row * text.Hidden), text.Hidden);
            for (int slot = row * perToken; slot < (row + 1) * perToken; slot++)
            {
                ReadOnlySpan<float> output = new(outputs.Floats + ((long)placeOf[slot] * text.Hidden), text.Hidden);
                TensorPrimitives.MultiplyAdd(output, shares[slot], target, target);
            }
        }
    }

    public void Dispose()
    {
        scratch.Dispose();
        outputs.Dispose();
        inners.Dispose();
        probabilities.Dispose();
    }

    private void Gather(float* x, int start, int rows, float* gathered)
    {
        long bytes = (long)text.Hidden * sizeof(float);
        for (int i = 0; i < rows; i++)
        {
            Buffer.MemoryCopy(x + ((long)rowAt[start + i] * text.Hidden), gathered + ((long)i * text.Hidden), bytes, bytes);
        }
    }

    private void Activate(float* gateUp, int rows, float* product)
    {
        int inner = text.ExpertIntermediate;
        for (int i = 0; i < rows; i++)
        {
            RowKernels.SiluMultiply(gateUp + (2L * i * inner), product + ((long)i * inner), inner);
        }
    }

    /// <summary>The most probable experts, the first of equals; softmax over all of them, divided by the chosen ones' sum, is softmax over the chosen.</summary>
    private void Choose(ReadOnlySpan<float> logits, int row)
    {
        Span<int> best = chosen.AsSpan(row * perToken, perToken);
        Span<float> weights = shares.AsSpan(row * perToken, perToken);
        for (int k = 0; k < perToken; k++)
        {
            int top = -1;
            for (int expert = 0; expert < logits.Length; expert++)
            {
                if ((top < 0 || logits[expert] > logits[top]) && !best[..k].Contains(expert))
                {
                    top = expert;
                }
            }

            best[k] = top;
            weights[k] = logits[top];
        }

        TensorPrimitives.SoftMax(weights, weights);
    }
}
