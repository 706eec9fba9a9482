using Medix.Runs;
using Medix.Text;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>The packed forward pass, which computes a group's prompt and images once, against whole sequences repeated for every response.</summary>
public class PackedForwardTests
{
    private const float Temperature = 0.8f;

    public static TheoryData<bool, bool> Both() => new() { { true, true }, { true, false }, { false, true }, { false, false } };

    [Theory]
    [MemberData(nameof(Both))]
    public void Equals_the_plain_forward_on_repeated_sequences(bool vision, bool ownKernels)
    {
        using TensorLeaks leaks = new();
        Qwen3VLConfig config = vision ? TinyModels.Vision : TinyModels.Text;
        using Qwen3VLForTraining model = TinyModels.Create(config, ownKernels);
        TrainingBatch batch = TinyModels.Batch(config, [5, 1, 40], [3], [17, 2]);
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = rand(batch.ResponseTokens) - 0.5;

        using ResponseLogProbs packed = model.Evaluate(batch, Temperature);
        float[] values = Values(packed.LogProbs), entropies = Values(packed.Entropy);
        Qwen3VLForTraining.Backward(((packed.LogProbs + (packed.Entropy * 0.3)) * weights).sum());
        float[] gradients = model.Store.GradientSpan.ToArray();

        model.Store.ZeroGradients();
        (Tensor logProbs, Tensor entropy) = Repeated(model, batch);
        Qwen3VLForTraining.Backward(((logProbs + (entropy * 0.3)) * weights).sum());
        Near(Values(logProbs), values, 1e-4f);
        Near(Values(entropy), entropies, 1e-4f);
        Near(model.Store.GradientSpan.ToArray(), gradients, 1e-4f * gradients.Max(Math.Abs));
        Assert.Contains(gradients, gradient => Math.Abs(gradient) > 1e-2f);
        Assert.Equal(batch.ResponseTokens, packed.Offsets[^1]);
    }

    [Fact]
    public void Gives_the_same_bits_every_time()
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Vision);
        TrainingBatch batch = TinyModels.Batch(TinyModels.Vision, [5, 1, 40], [30, 70, 2]);
        float[] Run()
        {
            using DisposeScope scope = NewDisposeScope();
            model.Store.ZeroGradients();
            using ResponseLogProbs result = model.Evaluate(batch, 1f);
            Qwen3VLForTraining.Backward(result.LogProbs.mean());
            return [.. Values(result.LogProbs), .. model.Store.GradientSpan];
        }

        float[] first = Run();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(first, Run());
        }
    }

    [Fact]
    public void Placeholders_have_no_probability()
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Vision);
        TrainingBatch all = new([.. Enumerable.Range(0, 90).Select(id => new TrainingGroup(new([3, 4], [], []), [[id]]))]);
        using IDisposable noGradient = no_grad();
        using ResponseLogProbs result = model.Evaluate(all, 1f);
        float[] logProbs = Values(result.LogProbs);
        Assert.Equal(1.0, logProbs.Sum(value => Math.Exp(value)), 1e-5);
        Assert.Equal([80, 81], Enumerable.Range(0, 90).Where(id => float.IsNegativeInfinity(logProbs[id])));
    }

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused()
    {
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Text);
        MedixException error = Assert.Throws<MedixException>(() => model.Evaluate(new([new(new([1, 90], [], []), [[2]])]), 1f));
        Assert.Contains("90", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_without_its_patches_is_refused()
    {
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Vision);
        TrainingBatch batch = TinyModels.Batch(TinyModels.Vision, [2], [2]);
        TrainingGroup broken = batch.Groups[1] with { Prompt = batch.Groups[1].Prompt with { Patches = [1f] } };
        Assert.Throws<MedixException>(() => model.Evaluate(new([broken]), 1f));
    }

    private static (Tensor LogProbs, Tensor Entropy) Repeated(Qwen3VLForTraining model, TrainingBatch batch)
    {
        List<Tensor> logProbs = [], entropies = [];
        foreach ((TrainingGroup group, int[] response) in batch.Groups.SelectMany(group => group.Responses.Select(response => (group, response))))
        {
            RopeIndex index = RopePositions.Compute(group.Prompt.Tokens, group.Prompt.Grids, model.Config);
            int[] tokens = [.. group.Prompt.Tokens, .. response];
            int[] Extend(int[] axis) => [.. axis, .. Enumerable.Range(axis.Length, response.Length).Select(i => i + index.Delta)];
            Tensor logits = model.Forward(new(
                1, tokens.Length, tokens, [.. tokens.Select(_ => 1)], [.. Extend(index.T), .. Extend(index.H), .. Extend(index.W)],
                group.Prompt.Patches, group.Prompt.Grids));
            Tensor rows = logits[0].narrow(0, group.Prompt.Tokens.Length - 1, response.Length) / Temperature;
            if (model.Config.Vision is not null)
            {
                rows = rows.index_fill(1, tensor((long[])[model.Config.ImageTokenId, model.Config.VideoTokenId]), -1e30f);
            }

            Tensor all = nn.functional.log_softmax(rows, -1);
            logProbs.Add(all.gather(1, tensor(Array.ConvertAll(response, id => (long)id)).unsqueeze(1)).squeeze(1));
            entropies.Add((all.exp() * all).sum(1).neg());
        }

        return (cat(logProbs), cat(entropies));
    }

    private static float[] Values(Tensor tensor)
    {
        using Tensor detached = tensor.detach(), flat = detached.contiguous();
        return flat.data<float>().ToArray();
    }

    private static void Near(float[] expected, float[] actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second, pair.First - tolerance, pair.First + tolerance));
    }
}
