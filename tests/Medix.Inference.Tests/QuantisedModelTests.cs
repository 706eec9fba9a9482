using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights;

namespace Medix.Inference.Tests;

public class QuantisedModelTests
{
    /// <summary>
    /// Mean divergence KL(bf16 ‖ quantised) over every token of every case. The reference models have random weights and 64 wide states, which 4-bit numbers suit
    /// less than trained ones: 4 bits throughout stay far above the 0.02 nats that the mixed plan keeps.
    /// </summary>
    [Fact]
    [Trait("Category", "Parity")]
    public void Quantised_logits_stay_close_to_the_bfloat16_model()
    {
        Assert.InRange(MeanDivergence(WeightStorage.Q8), 1e-6, 0.005);
        Assert.InRange(MeanDivergence(WeightStorage.Q4K), 1e-4, 0.02);
        Assert.InRange(MeanDivergence(WeightStorage.Q4), 1e-3, 0.15);
    }

    [Fact]
    public void Results_depend_neither_on_threads_nor_on_the_rows_computed_together()
    {
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Q4, WeightStorage.Q4K, WeightStorage.Q8])
        {
            using Qwen3VLModel one = RandomModels.Create(1, storage: storage), three = RandomModels.Create(3, storage: storage);
            float[] expected = one.Logits(RandomModels.WithImage(60, 12, 8, 3));
            Assert.Equal(expected, three.Logits(RandomModels.WithImage(60, 12, 8, 3)));
            GenerationRequest[] requests = [.. Enumerable.Range(0, 9).Select(i => new GenerationRequest(RandomModels.WithImage(9 + i, 4, 4, 5), [(ulong)i]))];
            IReadOnlyList<IReadOnlyList<Completion>> together = new BatchedGenerator(three).Generate(requests, new SamplingOptions(12), null,
                TestContext.Current.CancellationToken);
            for (int i = 0; i < requests.Length; i++)
            {
                Completion alone = new BatchedGenerator(one, 1).Generate([requests[i]], new SamplingOptions(12), null,
                TestContext.Current.CancellationToken)[0][0];
                Assert.Equal(alone.Tokens, together[i][0].Tokens);
                Assert.Equal(alone.LogProbs, together[i][0].LogProbs);
            }
        }
    }

    private static double MeanDivergence(WeightStorage storage)
    {
        double sum = 0;
        int tokens = 0;
        foreach (string folder in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            using Qwen3VLModel half = Qwen3VLModel.FromCheckpoint(checkpoint, WeightStorage.Bf16), model = Qwen3VLModel.FromCheckpoint(checkpoint, storage);
            foreach (string path in ModelCases.Files(folder, "case-*.safetensors").Where(path => !path.Contains(".bf16.", StringComparison.Ordinal)))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (CaseRow row in ModelCases.Rows(file, model.Config))
                {
                    float[] p = half.Logits(row.Input), q = model.Logits(row.Input);
                    int width = model.Config.Text.VocabularySize;
                    for (int i = 0; i < p.Length; i += width, tokens++)
                    {
                        sum += Divergence(p.AsSpan(i, width), q.AsSpan(i, width));
                    }
                }
            }
        }

        Assert.True(tokens > 0, "There was no case to compare.");
        return sum / tokens;
    }

    private static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        double a = Normaliser(p), b = Normaliser(q), sum = 0;
        for (int i = 0; i < p.Length; i++)
        {
            sum += Math.Exp(p[i] - a) * (p[i] - a - (q[i] - b));
        }

        return sum;
    }

    private static double Normaliser(ReadOnlySpan<float> logits)
    {
        double sum = 0;
        foreach (float value in logits)
        {
            sum += Math.Exp(value);
        }

        return Math.Log(sum);
    }
}
