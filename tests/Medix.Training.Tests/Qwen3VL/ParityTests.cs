using Medix.Testing;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>The model against the reference implementation: every intermediate, logits, loss, statistics, every gradient and greedy tokens.</summary>
[Trait("Category", "Parity")]
public class ParityTests
{
    private const float Tolerance = 2e-4f;

    public static TheoryData<string, string, bool> Cases()
    {
        TheoryData<string, string, bool> data = [];
        foreach ((string model, string name) in GoldenCase.List("case"))
        {
            data.Add(model, name, true);
            data.Add(model, name, false);
        }

        return data;
    }

    public static TheoryData<string, string> GreedyCases()
    {
        TheoryData<string, string> data = [];
        foreach ((string model, string name) in GoldenCase.List("greedy"))
        {
            data.Add(model, name);
        }

        return data;
    }

    [Fact]
    public void There_are_cases()
    {
        SharedFiles.Require("goldens", "models");
        Assert.NotEmpty(GoldenCase.List("case"));
        Assert.NotEmpty(GoldenCase.List("greedy"));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Matches_the_reference(string model, string name, bool ownKernels)
    {
        using TensorLeaks leaks = new();
        using GoldenCase golden = new(model, name);
        using Checkpoint checkpoint = Checkpoint.Open(golden.Model);
        using Qwen3VLForTraining trained = Qwen3VLForTraining.Load(checkpoint, new() { OwnKernels = ownKernels });
        ForwardInput input = golden.Input();
        int[] real = [.. Enumerable.Range(0, input.Mask.Length).Where(i => input.Mask[i] == 1)];
        int compared = 0;
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = trained.Forward(input, (what, value) =>
        {
            if (golden.Has(what))
            {
                float[] expected = golden.Floats(what);
                int width = (int)golden.Shape(what)[^1];
                Near(what.StartsWith("text.", StringComparison.Ordinal) ? Rows(expected, real, width) : expected, Values(value), Tolerance, what);
                compared++;
            }
        });
        int intermediates = golden.Names.Count(what => what.StartsWith("vision.", StringComparison.Ordinal) || what.StartsWith("text.", StringComparison.Ordinal));
        Assert.Equal(intermediates, compared);
        int vocabulary = checkpoint.Config.Text.VocabularySize;
        Near(Rows(golden.Floats("logits"), real, vocabulary), Rows(Values(logits), real, vocabulary), Tolerance, "logits");
        CheckStatistics(golden, input, logits);
        CheckLossAndGradients(golden, trained, logits);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GreedyCases))]
    public void Chooses_the_same_tokens_as_the_reference(string model, string name)
    {
        using TensorLeaks leaks = new();
        using GoldenCase golden = new(model, name);
        using Checkpoint checkpoint = Checkpoint.Open(golden.Model);
        using Qwen3VLForTraining trained = Qwen3VLForTraining.Load(checkpoint);
        Qwen3VLConfig config = checkpoint.Config;
        int[] prompt = golden.Integers("input_ids"), generated = golden.Integers("generated");
        Text.RopeIndex index = Text.RopePositions.Compute(prompt, golden.Grids(), config);
        int[] tokens = [.. prompt, .. generated];
        int[] Extend(int[] axis) => [.. axis, .. Enumerable.Range(prompt.Length, generated.Length).Select(i => i + index.Delta)];
        int[] positions = [.. Extend(index.T), .. Extend(index.H), .. Extend(index.W)];
        using IDisposable noGradient = no_grad();
        using Tensor logits = trained.Forward(new(
            1, tokens.Length, tokens, [.. tokens.Select(_ => 1)], positions, golden.Has("pixel_values") ? golden.Floats("pixel_values") : [], golden.Grids()));
        int vocabulary = config.Text.VocabularySize;
        int[] predicting = [.. Enumerable.Range(prompt.Length - 1, generated.Length)];
        float[] steps = Rows(Values(logits), predicting, vocabulary), expected = golden.Floats("step_logits");
        for (int step = 0; step < generated.Length; step++)
        {
            Span<float> row = steps.AsSpan(step * vocabulary, vocabulary);
            foreach (int id in Enumerable.Range(0, vocabulary).Where(id => expected[(step * vocabulary) + id] < -1e29f))
            {
                row[id] = -1e30f;
            }

            Assert.Equal(generated[step], System.Numerics.Tensors.TensorPrimitives.IndexOfMax<float>(row));
        }

        Near(expected, steps, Tolerance, "step_logits");
    }

    private static void CheckStatistics(GoldenCase golden, ForwardInput input, Tensor logits)
    {
        int places = input.Length - 1;
        int[] checkedPlaces = [.. from row in Enumerable.Range(0, input.Rows) from i in Enumerable.Range(0, places)
                                  where input.Mask[(row * input.Length) + i] == 1 && input.Mask[(row * input.Length) + i + 1] == 1
                                  select (row * places) + i];
        using Tensor next = tensor(Array.ConvertAll(input.Tokens, id => (long)id), [input.Rows, input.Length]);
        foreach (string what in golden.Names.Where(n => n.StartsWith("logprobs.t", StringComparison.Ordinal)))
        {
            float temperature = float.Parse(what["logprobs.t".Length..], System.Globalization.CultureInfo.InvariantCulture);
            using DisposeScope scope = NewDisposeScope();
            Tensor all = nn.functional.log_softmax(logits.narrow(1, 0, places) / temperature, -1);
            Tensor chosen = all.gather(2, next.narrow(1, 1, places).unsqueeze(2)).squeeze(2);
            Near(Rows(golden.Floats(what), checkedPlaces, 1), Rows(Values(chosen), checkedPlaces, 1), Tolerance, what);
            string entropy = what.Replace("logprobs", "entropy", StringComparison.Ordinal);
            Near(Rows(golden.Floats(entropy), checkedPlaces, 1), Rows(Values((all.exp() * all).sum(2).neg()), checkedPlaces, 1), Tolerance, entropy);
        }
    }

    internal static void CheckLossAndGradients(GoldenCase golden, Qwen3VLForTraining trained, Tensor logits, Func<string, string>? published = null)
    {
        int length = (int)logits.shape[1];
        Tensor labels = tensor(Array.ConvertAll(golden.Integers("labels"), id => (long)id), golden.Shape("labels"));
        Tensor loss = nn.functional.cross_entropy(logits.narrow(1, 0, length - 1).flatten(0, 1), labels.narrow(1, 1, length - 1).flatten(), ignore_index: -100);
        Assert.Equal(golden.Floats("loss")[0], loss.item<float>(), Tolerance);
        string[] gradients = [.. golden.Names.Where(name => name.StartsWith("grad.", StringComparison.Ordinal))];
        if (gradients.Length == 0)
        {
            return;
        }

        Qwen3VLForTraining.Backward(loss);
        int compared = 0;
        foreach (NamedParameter parameter in trained.Parameters)
        {
            string name = published?.Invoke(parameter.Name) ?? "grad." + parameter.Name;
            name = golden.Has(name) ? name : name.Replace("model.language_model.", "model.", StringComparison.Ordinal);
            if (golden.Has(name))
            {
                float[] expected = golden.Floats(name);
                Near(expected, Values(parameter.Gradient), (1e-3f * expected.Max(Math.Abs)) + 1e-6f, name);
                compared++;
            }
            else
            {
                Assert.All(Values(parameter.Gradient), value => Assert.Equal(0f, value));
            }
        }

        Assert.Equal(gradients.Length, compared);
    }

    internal static float[] Values(Tensor tensor)
    {
        using Tensor detached = tensor.detach(), single = detached.to_type(ScalarType.Float32), flat = single.contiguous();
        return flat.data<float>().ToArray();
    }

    private static float[] Rows(float[] values, int[] rows, int width) => [.. rows.SelectMany(row => values.Skip(row * width).Take(width))];

    internal static void Near(float[] expected, float[] actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance))
            {
                Assert.Fail($"{what}[{i}]: expected {expected[i]:R}, got {actual[i]:R}, tolerance {tolerance:R}.");
            }
        }
    }
}
