using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Inference.Tests;

public class Qwen3VLModelTests
{
    [Fact]
    public void Updated_weights_are_those_of_a_fresh_model()
    {
        ModelInput input = RandomModels.WithImage(12, 4, 4, 3);
        using Qwen3VLModel updated = RandomModels.Create(2, seed: 1), fresh = RandomModels.Create(2, seed: 2);
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 2);
        Assert.NotEqual(fresh.Logits(input), updated.Logits(input));
        updated.UpdateWeights((name, start, values) => parameters[name].AsSpan((int)start, values.Length).CopyTo(values));
        Assert.Equal(fresh.Logits(input), updated.Logits(input));
    }

    [Fact]
    public void Every_parameter_of_the_configuration_is_read_once()
    {
        List<string> read = [];
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 1);
        using Qwen3VLModel model = Qwen3VLModel.FromParameters(RandomModels.Seeing, name =>
        {
            read.Add(name);
            return parameters[name];
        });
        Assert.Equal(ModelTensors.Of(RandomModels.Seeing).Select(tensor => tensor.Name).Order(), read.Order());
    }

    [Fact]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        foreach (ModelInput input in (ModelInput[])[RandomModels.WithImage(60, 12, 8, 3), RandomModels.Text(77, 4), RandomModels.Text(1, 5)])
        {
            using Qwen3VLModel one = RandomModels.Create(1), two = RandomModels.Create(2), three = RandomModels.Create(3);
            float[] expected = one.Logits(input);
            Assert.Equal(expected, two.Logits(input));
            Assert.Equal(expected, three.Logits(input));
        }
    }

    /// <summary>Prefill computes expert by expert over all rows, decoding row by row: the answers must be one, for any number of threads.</summary>
    [Fact]
    public void A_mixture_of_experts_answers_alike_for_any_threads_and_batch()
    {
        Qwen3VLConfig mixture = RandomModels.Seeing with
        {
            Text = RandomModels.Seeing.Text with { Experts = 6, ExpertsPerToken = 2, ExpertIntermediate = 20, DenseLayers = [1] },
        };
        ModelInput[] inputs = [RandomModels.Text(9, 1), RandomModels.WithImage(12, 4, 4, 3), RandomModels.Text(70, 2)];
        SamplingOptions sampling = new(12, 1);
        IReadOnlyList<IReadOnlyList<Completion>>? expected = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            using Qwen3VLModel model = RandomModels.Create(threads, mixture);
            BatchedGenerator generator = new(model);
            var together = generator.Generate(
                [.. inputs.Select(input => new GenerationRequest(input, [1, 2, 3]))], sampling, cancellationToken: TestContext.Current.CancellationToken);
            expected ??= together;
            for (int i = 0; i < inputs.Length; i++)
            {
                Completion alone = generator.Generate([new GenerationRequest(inputs[i], [2])], sampling, cancellationToken: TestContext.Current.CancellationToken)[0][0];
                Assert.Equal(expected[i][1].Tokens, together[i][1].Tokens);
                Assert.Equal(expected[i][1].Tokens, alone.Tokens);
                Assert.Equal(expected[i][1].LogProbs, alone.LogProbs);
            }
        }
    }

    [Fact]
    public void A_mixture_in_every_layer_needs_no_memory_for_the_width_of_dense_layers()
    {
        float[] Logits(int width)
        {
            TextConfig text = RandomModels.Seeing.Text with { Intermediate = width, Experts = 6, ExpertsPerToken = 2, ExpertIntermediate = 20, DenseLayers = [] };
            using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { Architecture = "Qwen3VLMoeForConditionalGeneration", Text = text });
            return model.Logits(RandomModels.Text(20, 3));
        }

        Assert.Equal(Logits(72), Logits(int.MaxValue));
    }

    [Fact]
    public void An_adapter_of_experts_counts_alike_for_any_threads_and_rows()
    {
        Qwen3VLConfig mixture = RandomModels.Seeing with
        {
            Text = RandomModels.Seeing.Text with { Experts = 6, ExpertsPerToken = 2, ExpertIntermediate = 20, DenseLayers = [1] },
        };
        LoraAdapter adapter = new(new(2, 1, new(["experts"])), [Layer("gate_up_proj", 48, 40), Layer("down_proj", 20, 48)]);
        float[]? expected = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            foreach (int rows in (int[])[1, 3, 70])
            {
                using Qwen3VLModel model = RandomModels.Create(threads, mixture);
                using ModelAdapter ready = model.Prepare(adapter);
                ModelInput input = new(RandomModels.Text(70, 3).Tokens[..rows], [], []);
                float[] plain = model.Logits(input);
                model.Use(ready);
                float[] changed = model.Logits(input);
                Assert.NotEqual(plain, changed);
                expected ??= changed;
                Assert.Equal(expected, changed[..expected.Length]);
            }
        }

        LoraLayer Layer(string name, int inputs, int outputs)
        {
            SeededRandom random = Seed.Random((ulong)inputs);
            float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
            return new($"model.language_model.layers.2.mlp.experts.{name}", 2, 0.5f, inputs, outputs, Numbers(6 * 2 * inputs), Numbers(outputs * 2 * 6), null, 6);
        }
    }

    [Fact]
    public void A_parameter_of_the_wrong_size_is_named()
    {
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 1);
        parameters["model.language_model.layers.1.mlp.up_proj.weight"] = new float[7];
        MedixException e = Assert.Throws<MedixException>(() => Qwen3VLModel.FromParameters(RandomModels.Seeing, name => parameters[name]));
        Assert.Contains("layers.1.mlp.up_proj.weight has 7 values", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_without_their_patches_and_for_text_models_are_refused()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        ModelInput input = RandomModels.WithImage(5, 4, 4, 1);
        Assert.Throws<MedixException>(() => model.Logits(input with { Patches = input.Patches[1..] }));
        Qwen3VLConfig textOnly = RandomModels.Seeing with { Vision = null, Architecture = "Qwen3ForCausalLM" };
        using Qwen3VLModel blind = RandomModels.Create(1, textOnly);
        Assert.Contains("text only", Assert.Throws<MedixException>(() => blind.Logits(input)).Message, StringComparison.Ordinal);
    }

    /// <summary>A prompt longer than one pass, so that later passes attend to the keys of earlier ones.</summary>
    [Fact]
    public void Long_inputs_go_in_several_passes_with_the_same_result()
    {
        Qwen3VLConfig config = RandomModels.Seeing with { Text = RandomModels.Seeing.Text with { MaxPositions = 4096 } };
        using Qwen3VLModel model = RandomModels.Create(2, config);
        ModelInput whole = RandomModels.Text(1100, 8);
        float[] logits = model.Logits(whole), part = model.Logits(whole with { Tokens = whole.Tokens[..900] });
        Assert.Equal(part, logits[..part.Length]);
        Assert.DoesNotContain(logits, float.IsNaN);
        Range before = (1030 * RandomModels.Vocabulary)..(1031 * RandomModels.Vocabulary), after = (1031 * RandomModels.Vocabulary)..(1032 * RandomModels.Vocabulary);
        Assert.NotEqual(logits[before], logits[after]);
    }
}
