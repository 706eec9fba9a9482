using CsCheck;
using Medix.Training.Modules;
using Medix.Training.Tests.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Modules;

/// <summary>Our kernels against torch's own operations: values and gradients, over sizes that do and do not fill whole vectors.</summary>
public class OperationTests
{
    private const int Iterations = 20;

    [Fact]
    public void Linears_sum_the_gradients_of_their_input() =>
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 70]).Sample(
            (rows, width, outputs) => Check(
                ops => ([rows, width], [outputs, width], [7, width]),
                (ops, t) => cat([.. ops.Linears(t[0], t[1], t[2])], 1)),
            iter: Iterations, threads: 1);

    [Fact]
    public void A_linear_layer_adds_to_the_residual() =>
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 70]).Sample(
            (rows, width, outputs) => Check(
                ops => ([rows, outputs], [rows, width], [outputs, width]),
                (ops, t) => ops.AddLinear(t[0], t[1], t[2])),
            iter: Iterations, threads: 1);

    [Fact]
    public void RmsNorm_agrees() =>
        Gen.Select(Gen.Int[1, 150], Gen.Int[1, 70]).Sample(
            (rows, width) => Check(ops => ([rows, width], [width], [1]), (ops, t) => ops.RmsNorm(t[0], t[1], 1e-6)), iter: Iterations, threads: 1);

    [Fact]
    public void Head_norm_with_rotation_agrees() =>
        Gen.Select(Gen.Int[1, 150], Gen.Int[1, 5], Gen.Int[1, 40]).Sample(
            (rows, heads, half) =>
            {
                using DisposeScope scope = NewDisposeScope();
                Tensor angles = rand(rows, half) * 6;
                Check(
                    ops => ([rows, heads * 2 * half], [2 * half], [1]),
                    (ops, t) => ops.HeadNormRope(t[0], t[1], angles.cos(), angles.sin(), 1e-6));
            },
            iter: Iterations, threads: 1);

    [Fact]
    public void SwiGlu_agrees() =>
        Gen.Int[1, 40_000].Sample(count => Check(ops => ([count], [count], [1]), (ops, t) => ops.SwiGlu(t[0] * 4, t[1])), iter: Iterations, threads: 1);

    [Fact]
    public void Gather_agrees() =>
        Gen.Select(Gen.Int[0, 9].Array[12], Gen.Float[-1, 1].Array[12], Gen.Bool, Gen.Int[1, 40]).Sample(
            (rows, weights, mixed, width) => Check(
                ops => ([10, width], [1], [1]),
                (ops, t) => ops.Gather(t[0], mixed ? new RowMix(rows, weights, 4) : RowMix.Lookup(rows))),
            iter: Iterations, threads: 1);

    [Fact]
    public void Attention_agrees_on_groups_of_any_lengths()
    {
        Gen<int[][]> groups = Gen.Int[0, 70].Array[0, 3].Select(Gen.Int[1, 70], (branches, shared) => (int[])[shared, .. branches]).Array[1, 3];
        Gen.Select(groups, Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[1, 40], Gen.Bool).Sample(
            (lengths, keyHeads, queriesPerKey, width, causal) =>
            {
                AttentionLayout layout = Layout(lengths, causal);
                AttentionShape shape = new(keyHeads * queriesPerKey, keyHeads, width);
                int tokens = lengths.Sum(group => group.Sum());
                Check(
                    ops => ([tokens, shape.Heads * width], [tokens, keyHeads * width], [tokens, keyHeads * width]),
                    (ops, t) => ops.Attention(t[0] * 3, t[1], t[2], layout, shape));
            },
            iter: Iterations, threads: 1);
    }

    [Fact]
    public void Log_probabilities_and_entropies_agree() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[3, 90], Gen.Float[0.3f, 2f], Gen.Bool).Sample(
            (rows, width, vocabulary, temperature, ban) =>
            {
                int[] targets = [.. Enumerable.Range(0, rows).Select(row => 2 + (row * 7 % (vocabulary - 2)))];
                int[] banned = ban ? [0, 1] : [];
                Check(
                    ops => ([rows, width], [vocabulary, width], [1]),
                    (ops, t) =>
                    {
                        TokenStatistics result = ops.LogProbs(t[0], t[1], targets, banned, temperature);
                        return cat([result.LogProbs, result.Entropy * 0.7]);
                    });
            },
            iter: Iterations, threads: 1);

    [Fact]
    public void Half_the_outputs_may_go_unused()
    {
        Check(ops => ([9, 20], [33, 20], [1]), (ops, t) => ops.LogProbs(t[0], t[1], [1, 2, 3, 4, 5, 6, 7, 8, 32], [], 1f).LogProbs);
        Check(ops => ([9, 20], [33, 20], [1]), (ops, t) => ops.LogProbs(t[0], t[1], [1, 2, 3, 4, 5, 6, 7, 8, 32], [], 1f).Entropy);
    }

    private static AttentionLayout Layout(int[][] lengths, bool causal)
    {
        List<AttentionGroup> groups = [];
        int start = 0;
        TokenSpan Next(int length) => new((start += length) - length, length);
        foreach (int[] group in lengths)
        {
            groups.Add(new(Next(group[0]), [.. group.Skip(1).Select(Next)]));
        }

        return new(groups, causal);
    }

    /// <summary>Runs an operation both ways on the same random inputs and compares the result and every input's gradient.</summary>
    private static void Check(Func<Operations, (long[], long[], long[])> shapes, Func<Operations, Tensor[], Tensor> run)
    {
        using TensorLeaks leaks = new();
        using DisposeScope scope = NewDisposeScope();
        (long[] a, long[] b, long[] c) = shapes(new(true));
        Tensor[] inputs = [randn(a), randn(b), randn(c)];
        Tensor? weights = null;
        float[][] Run(bool kernels)
        {
            Tensor[] own = [.. inputs.Select(input => input.clone().requires_grad_(true))];
            Tensor result = run(new(kernels), own);
            weights ??= randn(result.shape);
            (result * weights).sum().backward();
            GradientTensors.Release();
            return [Values(result), .. own.Select(input => input.grad is null ? [] : Values(input.grad))];
        }

        float[][] plain = Run(kernels: false), fast = Run(kernels: true);
        for (int i = 0; i < plain.Length; i++)
        {
            Assert.Equal(plain[i].Length, fast[i].Length);
            float tolerance = 2e-5f * (1 + plain[i].Select(Math.Abs).DefaultIfEmpty().Max());
            Assert.All(plain[i].Zip(fast[i]), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance, $"output {i}: {pair}, tolerance {tolerance}"));
        }
    }

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();
}
