using CsCheck;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Tests;

[Trait("Machine", "Any")]
public unsafe class AttentionTests
{
    private static readonly KernelSet[] Widths = [KernelSet.Width512, KernelSet.Width256, KernelSet.Width128];

    /// <summary>Rows of prompts (causal) and of draws behind a shared prefix, against softmax(q·Kᵀ)·V in double precision.</summary>
    [Fact]
    public void Every_width_equals_the_definition() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[1, 40], Gen.Int[0, 230], Gen.Int[1, 210], Gen.Int[1, 11], Gen.ULong).Sample(
            (heads, group, halfDim, prefix, own, rows, seed) =>
            {
                foreach (KernelSet width in Widths)
                {
                    Check(width, heads, group, 2 * halfDim, prefix, own, rows, seed);
                }
            },
            iter: 40);

    private static void Check(KernelSet width, int heads, int group, int d, int prefixLength, int own, int rows, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        using KvPages pages = new(2, heads, d, width);
        Reference? prefix = prefixLength == 0 ? null : new Reference(pages, null, prefixLength, heads, random);
        Reference shared = new(pages, prefix, own + rows, heads, random);
        AttentionRows inputs = new()
        {
            Sequences = new KvSequence[rows], Visible = new int[rows], KeyValueHeads = heads, Group = group, OutputStride = heads * group * d,
            QueriesOfHead = rows * group * d,
        };
        Reference[] sequences = new Reference[rows];
        for (int row = 0; row < rows; row++)
        {
            // The first rows are successive positions of one sequence, the others sequences of their own.
            sequences[row] = row < rows / 2 ? shared : new Reference(pages, prefix, 1 + random.NextInt(own), heads, random);
            inputs.Sequences[row] = sequences[row].Sequence;
            inputs.Visible[row] = row < rows / 2 ? own + row : sequences[row].Sequence.Length;
        }

        float[] queries = Random(rows * heads * group * d, random), output = new float[rows * heads * group * d];
        fixed (float* q = queries, o = output)
        {
            inputs.Queries = q;
            inputs.Output = o;
            using AlignedMemory scratch = AlignedMemory.OfFloats(Attention.ScratchFloats(rows, group, prefixLength + own + rows, pages));
            Attention.Run(inputs, pages, 1, 0, rows, scratch.Floats);
        }

        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < heads * group; head++)
            {
                int kvHead = head / group;
                float[] query = queries[(((kvHead * rows * group) + (row * group) + (head % group)) * d)..][..d];
                double[] expected = sequences[row].Attend(query, kvHead, inputs.Visible[row]);
                for (int i = 0; i < d; i++)
                {
                    float actual = output[(((row * heads * group) + head) * d) + i];
                    Assert.True(Math.Abs(expected[i] - actual) < 2e-5, $"{width.Name}: row {row} head {head} [{i}] is {actual}, expected {expected[i]}");
                }
            }
        }
    }

    private static float[] Random(int count, SeededRandom random) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.5 * random.NextNormal()))];

    /// <summary>A cached sequence and the same keys and values kept plainly.</summary>
    private sealed class Reference
    {
        private readonly Reference? prefix;
        private readonly List<float[][]> keys = [];
        private readonly List<float[][]> values = [];

        public Reference(KvPages pages, Reference? prefix, int length, int heads, SeededRandom random)
        {
            this.prefix = prefix;
            Sequence = new KvSequence(pages, prefix?.Sequence);
            Sequence.Extend(length);
            for (int position = 0; position < length; position++)
            {
                keys.Add([.. Enumerable.Range(0, heads).Select(_ => Random(pages.HeadDim, random))]);
                values.Add([.. Enumerable.Range(0, heads).Select(_ => Random(pages.HeadDim, random))]);
                for (int head = 0; head < heads; head++)
                {
                    fixed (float* key = keys[position][head], value = values[position][head])
                    {
                        Sequence.Write(1, head, position, key, value);
                    }
                }
            }
        }

        public KvSequence Sequence { get; }

        public double[] Attend(float[] query, int head, int visible)
        {
            IEnumerable<float[][]> allKeys = (prefix?.keys ?? []).Concat(keys.Take(visible)), allValues = (prefix?.values ?? []).Concat(values.Take(visible));
            double[] weights = [.. allKeys.Select(key => Math.Exp(key[head].Zip(query, (a, b) => (double)a * b).Sum()))];
            double sum = weights.Sum();
            double[] result = new double[query.Length];
            foreach ((float[][] value, double weight) in allValues.Zip(weights))
            {
                for (int i = 0; i < result.Length; i++)
                {
                    result[i] += weight / sum * value[head][i];
                }
            }

            return result;
        }
    }
}
