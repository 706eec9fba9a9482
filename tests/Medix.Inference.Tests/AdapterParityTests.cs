using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Inference.Tests;

/// <summary>Adapters run beside the base as PEFT runs them, several on one base, and leave it as it was.</summary>
[Trait("Category", "Parity")]
public class AdapterParityTests
{
    [Fact]
    public void Adapters_in_turn_on_one_base_give_the_logits_of_the_reference()
    {
        string models = SharedFiles.Require("goldens", "models");
        var byBase = Directory.GetDirectories(Path.Combine(models, "lora"))
            .GroupBy(folder => LoraConfigFile.Read(Path.Combine(folder, "adapter", LoraConfigFile.Name)).BaseModel!);
        Assert.NotEmpty(byBase);
        foreach (IGrouping<string, string> group in byBase)
        {
            using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(models, group.Key));
            using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint);
            ModelAdapter[] ready = [.. group.Select(folder => model.Prepare(LoraAdapter.Load(Path.Combine(folder, "adapter"), checkpoint.Config)))];
            float[]? plain = null;
            foreach ((string folder, ModelAdapter adapter) in group.Zip(ready))
            {
                using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "case.safetensors"));
                CaseRow row = ModelCases.Rows(file, checkpoint.Config).Single();
                model.Use(null);
                float[] before = model.Logits(row.Input);
                plain ??= before;
                model.Use(adapter);
                float[] expected = file.ReadFloat32("logits"), actual = model.Logits(row.Input);
                int vocabulary = checkpoint.Config.Text.VocabularySize;
                for (int i = 0; i < actual.Length; i++)
                {
                    float reference = expected[(row.Places[i / vocabulary] * vocabulary) + (i % vocabulary)];
                    Assert.True(Math.Abs(reference - actual[i]) <= 2e-4f, $"{folder}: logit {i} is {actual[i]}, expected {reference}");
                }

                Assert.NotEqual(before, actual);
            }

            using SafetensorsFile again = SafetensorsFile.Open(Path.Combine(group.First(), "case.safetensors"));
            model.Use(null);
            Assert.Equal(plain, model.Logits(ModelCases.Rows(again, checkpoint.Config).Single().Input));
            Array.ForEach(ready, adapter => adapter.Dispose());
        }
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused_by_name()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        LoraLayer foreign = new("model.language_model.layers.99.self_attn.q_proj.weight", 1, 1, 4, 4, new float[4], new float[4]);
        MedixException error = Assert.Throws<MedixException>(() => model.Prepare(new(new(1, 1, new(["q_proj"])), [foreign])));
        Assert.Contains("layers.99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void A_change_adds_to_rows_of_any_number_and_lengthens_them()
    {
        using PackedMatrix matrix = new(40, 24, WeightStorage.Fp32);
        float[] weight = Values(40 * 24, 1), x = Values(37 * 24, 2), a = Values(3 * 24, 3), b = Values(10 * 3, 4);
        float[] lengths = Values(10, 5);
        matrix.SetRows(0, weight, WorkerPool.Shared);
        matrix.Change = new LowRankChange(24, [new(5, 10, 3, 0.5f, a, b, lengths)], WorkerPool.Shared);
        float[] set = new float[37 * 40], added = [.. Enumerable.Repeat(1f, 37 * 40)];
        fixed (float* px = x, pset = set, padded = added)
        {
            matrix.Multiply(px, 24, pset, 40, 37);
            matrix.Multiply(WorkerPool.Shared, px, 24, padded, 40, 37, accumulate: true);
        }

        for (int row = 0; row < 37; row++)
        {
            for (int output = 0; output < 40; output++)
            {
                double sum = 0;
                for (int k = 0; k < 24; k++)
                {
                    double change = 0;
                    for (int r = 0; r < 3 && output is >= 5 and < 15; r++)
                    {
                        change += 0.5 * b[((output - 5) * 3) + r] * a[(r * 24) + k];
                    }

                    sum += x[(row * 24) + k] * (weight[(output * 24) + k] + change);
                }

                sum *= output is >= 5 and < 15 ? lengths[output - 5] : 1;
                Assert.Equal(sum, set[(row * 40) + output], 1e-4);
                Assert.Equal(sum + 1, added[(row * 40) + output], 1e-4);
            }
        }

        matrix.Change.Dispose();
    }

    private static float[] Values(int count, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
