using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

public unsafe class SpeculationPassTests
{
    /// <summary>Widths that are no multiples of any tile or block.</summary>
    private static readonly Qwen3VLConfig Odd = new(
        "Qwen3ForCausalLM", new TextConfig(211, 200, 2, 6, 2, 24, 330, 1e-6, 10_000, null, 512, true), null, -1, -1, -1, -1, []);

    private static readonly Qwen3VLConfig Sparse = Odd with
    {
        Architecture = "Qwen3MoeForCausalLM",
        Text = Odd.Text with { Experts = 8, ExpertsPerToken = 3, ExpertIntermediate = 40, DenseLayers = [] },
    };

    /// <summary>Passes of any number of rows give the logits of passes of one row, bit for bit, across the borders of pages and tiles.</summary>
    [Theory]
    [InlineData(WeightStorage.Fp32, false)]
    [InlineData(WeightStorage.Bf16, false)]
    [InlineData(WeightStorage.Q8, false)]
    [InlineData(WeightStorage.Q4, false)]
    [InlineData(WeightStorage.Q4K, false)]
    [InlineData(WeightStorage.Fp32, true)]
    [InlineData(WeightStorage.Q4K, true)]
    public void Rows_computed_together_are_those_computed_alone(WeightStorage storage, bool sparse)
    {
        const int count = 130;
        int[] tokens = [.. RandomModels.Text(count, 5).Tokens];
        using Qwen3VLModel model = RandomModels.Create(2, sparse ? Sparse : Odd, storage: storage);
        float[] alone = InPassesOf(model, tokens, _ => 1);
        Assert.Equal(model.Logits(new ModelInput(tokens, [], [])), alone);
        foreach (int rows in (int[])[2, 3, 5, 8, 9, 17, 33])
        {
            Assert.Equal(alone, InPassesOf(model, tokens, _ => rows));
        }

        SeededRandom random = Seed.Random(9);
        Assert.Equal(alone, InPassesOf(model, tokens, _ => random.NextInt(1, 34), random));
    }

    /// <summary>The same for the products of every vector width, not only this machine's widest.</summary>
    [Fact]
    public void A_product_s_row_does_not_depend_on_the_rows_beside_it_in_any_width()
    {
        const int n = 203, k = 517, most = 33;
        SeededRandom random = Seed.Random(4);
        float[] weights = [.. Enumerable.Range(0, n * k).Select(_ => (float)random.NextNormal())], a = [.. Enumerable.Range(0, most * k).Select(_ => (float)random.NextNormal())];
        foreach (KernelSet kernels in (KernelSet[])[KernelSet.Width512, KernelSet.Width256, KernelSet.Width128])
        {
            foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Fp32, WeightStorage.Bf16])
            {
                using PackedMatrix matrix = new(n, k, storage, kernels);
                matrix.SetRows(0, weights, WorkerPool.Shared);
                float[] alone = Product(matrix, a, 1);
                for (int rows = 2; rows <= most; rows++)
                {
                    Assert.Equal(alone, Product(matrix, a, rows));
                }
            }
        }

        static float[] Product(PackedMatrix matrix, float[] a, int rows)
        {
            float[] c = new float[most * n];
            fixed (float* pa = a, pc = c)
            {
                for (int row = 0; row < most; row += rows)
                {
                    matrix.Multiply(pa + (row * k), k, pc + (row * n), n, Math.Min(rows, most - row));
                }
            }

            return c;
        }
    }

    [Fact]
    public void A_cut_sequence_gives_back_whole_pages_and_goes_on_from_there()
    {
        using KvPages pages = new(1, 1, 16, KernelSet.Best);
        KvSequence sequence = new(pages);
        sequence.Extend((3 * KvPages.Positions) + 1);
        nint first = sequence.Page(0), second = sequence.Page(KvPages.Positions);
        long bytes = pages.Bytes;
        sequence.Truncate(3 * KvPages.Positions);
        sequence.Truncate(3 * KvPages.Positions);
        sequence.Truncate(KvPages.Positions + 1);
        Assert.Equal(KvPages.Positions + 1, sequence.Length);
        KvSequence other = new(pages);
        other.Extend(2 * KvPages.Positions);
        Assert.Equal(bytes, pages.Bytes);
        Assert.Equal(second, sequence.Page(KvPages.Positions));
        Assert.DoesNotContain(second, (nint[])[other.Page(0), other.Page(KvPages.Positions)]);
        sequence.Truncate(KvPages.Positions);
        sequence.Extend(1);
        Assert.Equal(first, sequence.Page(0));
        sequence.Truncate(0);
        Assert.Equal(0, sequence.Length);
        other.Extend(2 * KvPages.Positions);
        Assert.Equal(bytes, pages.Bytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence.Truncate(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence.Truncate(-1));
    }

    /// <summary>The logits of all tokens; with <paramref name="noise"/> wrong tokens are computed and cut off between the passes.</summary>
    private static float[] InPassesOf(Qwen3VLModel model, int[] tokens, Func<int, int> rows, SeededRandom? noise = null)
    {
        int vocabulary = model.Config.Text.VocabularySize;
        float[] logits = new float[tokens.Length * vocabulary];
        SequencePass pass = new(model, 33, tokens.Length + 33);
        KvSequence sequence = new(model.Decoder.Pages);
        for (int from = 0, count; from < tokens.Length; from += count)
        {
            count = Math.Min(rows(from), tokens.Length - from);
            if (noise is not null)
            {
                pass.Run(sequence, RandomModels.Text(noise.NextInt(1, 33), noise.NextBits()).Tokens, from);
                sequence.Truncate(from);
            }

            pass.Run(sequence, tokens.AsSpan(from, count), from);
            for (int row = 0; row < count; row++)
            {
                pass.Logits(row).CopyTo(logits.AsSpan((from + row) * vocabulary));
            }
        }

        sequence.Clear();
        return logits;
    }
}
