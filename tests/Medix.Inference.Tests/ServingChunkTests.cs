using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>Prompts computed in parts, over pages of their own or of others.</summary>
public class ServingChunkTests
{
    private static readonly ModelInput[] Inputs = [RandomModels.Text(230, 7), RandomModels.WithImage(120, 8, 6, 8), RandomModels.WithImage(3, 4, 4, 9)];

    [Theory]
    [InlineData(1, 1, WeightStorage.Fp32)]
    [InlineData(7, 2, WeightStorage.Fp32)]
    [InlineData(64, 2, WeightStorage.Fp32)]
    [InlineData(96, 3, WeightStorage.Fp32)]
    [InlineData(100, 1, WeightStorage.Fp32)]
    [InlineData(1, 2, WeightStorage.Q8)]
    [InlineData(33, 2, WeightStorage.Q8)]
    [InlineData(33, 2, WeightStorage.Q4)]
    [InlineData(50, 2, WeightStorage.Bf16)]
    public void Where_a_prompt_is_cut_changes_no_logit(int chunk, int threads, WeightStorage storage)
    {
        using Qwen3VLModel model = RandomModels.Create(threads, storage: storage);
        AssertCutChangesNothing(model, chunk);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Nor_with_experts(int chunk)
    {
        TextConfig sparse = RandomModels.Seeing.Text with { Experts = 5, ExpertsPerToken = 2, ExpertIntermediate = 24, DenseLayers = [1] };
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { Architecture = "Qwen3VLMoeForConditionalGeneration", Text = sparse });
        AssertCutChangesNothing(model, chunk);
    }

    private static void AssertCutChangesNothing(Qwen3VLModel model, int chunk)
    {
        foreach (ModelInput input in Inputs)
        {
            float[] whole = model.Logits(input), parts = new float[whole.Length];
            using PreparedPrompts prepared = model.Prepare([input], null);
            Prompt prompt = prepared.Prompts[0];
            for (int from = 0; from < input.Tokens.Length; from += chunk)
            {
                PromptRange range = new(prompt, from, Math.Min(from + chunk, input.Tokens.Length));
                model.ComputePrompts([range], (_, token, row) => row.CopyTo(parts.AsSpan(token * RandomModels.Vocabulary)), everyToken: true);
            }

            prompt.Sequence.Clear();
            Assert.Equal(whole, parts);
        }
    }

    [Fact]
    public void Only_the_last_part_gives_the_logits_of_the_last_token()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using PreparedPrompts prepared = model.Prepare([Inputs[0], Inputs[1]], null);
        List<(int Prompt, int Token)> seen = [];
        int half = 100, second = Inputs[1].Tokens.Length;
        model.ComputePrompts([new(prepared.Prompts[0], 0, half), new(prepared.Prompts[1], 0, second)], (p, token, _) => seen.Add((p, token)));
        Assert.Equal([(1, second - 1)], seen);
        model.ComputePrompts([new(prepared.Prompts[0], half, 230)], (p, token, _) => seen.Add((p, token)));
        Assert.Equal((0, 229), seen[1]);
        Assert.All(prepared.Prompts, prompt => prompt.Sequence.Clear());
    }

    [Fact]
    public void A_shared_page_is_free_again_after_its_last_holder()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        KvPages pages = model.Decoder.Pages;
        KvSequence first = new(pages), second = new(pages), third = new(pages);
        first.Extend(100);
        second.Adopt(first.Held[0]);
        third.Adopt(first.Held[0]);
        Assert.Equal(3, pages.References(first.Held[0]));
        Assert.Throws<InvalidOperationException>(() => first.Adopt(second.Held[0]));
        second.Extend(1);
        Assert.Equal(3, pages.Used);
        first.Clear();
        Assert.Equal(2, pages.Used);
        second.Clear();
        Assert.Equal((1, 1), (pages.Used, pages.References(third.Held[0])));
        third.Clear();
        Assert.Equal(0, pages.Used);
    }
}
