using CsCheck;
using Medix.Weights;
using Medix.Weights.Creation;
using Medix.Weights.Gguf.Export;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>What llama.cpp's tools decide by rules of their own: formats, sizes, names.</summary>
public sealed class ExportRulesTests
{
    // Worked out by hand from "first and last eighth, every third between".
    [Theory]
    [InlineData(1, "0")]
    [InlineData(2, "1")]
    [InlineData(28, "0 1 2 5 8 11 14 17 20 23 24 25 26 27")]
    [InlineData(36, "0 1 2 3 6 9 12 15 18 21 24 27 30 31 32 33 34 35")]
    public void Half_of_the_layers_need_more_bits(int layers, string expected) =>
        Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, layers).Where(layer => FormatRules.NeedsMoreBits(layer, layers))));

    [Theory]
    [InlineData("qwen3-vl-8b", "q4_k_m", "output.weight", 4096, "Q6_K")]
    [InlineData("qwen3-vl-8b", "q4_k_m", "token_embd.weight", 4096, "Q4_K")]
    [InlineData("qwen3-vl-2b", "q4_k_m", "token_embd.weight", 2048, "Q6_K")]
    [InlineData("qwen3-vl-2b", "q4_0", "token_embd.weight", 2048, "Q6_K")]
    [InlineData("qwen3-vl-2b", "q8_0", "token_embd.weight", 2048, "Q8_0")]
    [InlineData("qwen3-vl-2b", "q4_k_m", "token_embd.weight", 2080, "Q8_0")]
    [InlineData("qwen3-vl-2b", "q4_0", "token_embd.weight", 2080, "Q8_0")]
    [InlineData("qwen3-vl-2b", "q4_k_m", "blk.5.attn_v.weight", 2048, "Q6_K")]
    [InlineData("qwen3-vl-2b", "q4_k_m", "blk.4.attn_v.weight", 2048, "Q4_K")]
    [InlineData("qwen3-vl-2b", "q5_k_m", "blk.5.ffn_down.weight", 6144, "Q6_K")]
    [InlineData("qwen3-vl-2b", "q5_k_s", "blk.5.ffn_down.weight", 6144, "Q5_K")]
    [InlineData("qwen3-vl-2b", "q4_k_s", "blk.3.attn_v.weight", 2048, "Q5_K")]
    [InlineData("qwen3-vl-2b", "q4_k_s", "blk.4.attn_v.weight", 2048, "Q4_K")]
    [InlineData("qwen3-vl-2b", "q4_k_s", "blk.2.ffn_down.weight", 6144, "Q5_K")]
    [InlineData("qwen3-vl-2b", "q4_k_s", "blk.3.ffn_down.weight", 6144, "Q4_K")]
    [InlineData("qwen3-vl-2b", "q4_k_m", "blk.5.attn_k.weight", 2048, "Q4_K")]
    [InlineData("qwen3-vl-2b", "q5_k_m", "blk.4.attn_k.weight", 2080, "Q5_1")]
    [InlineData("qwen3-vl-2b", "q4_0", "blk.4.attn_k.weight", 2050, "F16")]
    [InlineData("qwen3-vl-30b-a3b", "q4_k_m", "blk.47.ffn_down_exps.weight", 768, "Q6_K")]
    [InlineData("qwen3-vl-30b-a3b", "q4_k_m", "blk.7.attn_v.weight", 2048, "Q4_K")]
    [InlineData("qwen3-vl-30b-a3b", "q4_0", "blk.7.ffn_gate_inp.weight", 2048, "F32")]
    [InlineData("qwen3-vl-8b", "q8_0", "v.blk.0.ffn_down.weight", 4304, "F16")]
    [InlineData("qwen3-vl-8b", "bf16", "v.patch_embd.weight.1", 16, "F32")]
    [InlineData("qwen3-vl-8b", "f16", "v.patch_embd.weight.1", 16, "F16")]
    [InlineData("qwen3-vl-8b", "f16", "v.position_embd.weight", 1152, "F32")]
    public void Formats_follow_the_tools(string preset, string type, string name, int row, string expected) =>
        Assert.Equal(expected, new FormatRules(GgufExportType.Find(type)!, ModelPresets.Find(preset)!.Text).Of(name, [8, row]).Name);

    [Theory]
    [InlineData("attn_v", "q4_k_m", "Q8_0")]
    [InlineData("attn_k", "q4_0", "Q8_0")]
    [InlineData("attn_output", "q4_k_s", "Q5_K")]
    [InlineData("attn_output", "q6_k", "Q6_K")]
    [InlineData("attn_q", "q4_k_m", "Q4_K")]
    public void Eight_experts_get_better_attention(string name, string type, string expected)
    {
        TextConfig text = ModelPresets.Find("qwen3-vl-30b-a3b")!.Text with { Experts = 8 };
        Assert.Equal(expected, new FormatRules(GgufExportType.Find(type)!, text).Of($"blk.20.{name}.weight", [64, 2048]).Name);
    }

    [Theory]
    [InlineData("q4_k", "q4_k_m")]
    [InlineData("Q5_K", "q5_k_m")]
    [InlineData("Q4_K_S", "q4_k_s")]
    [InlineData("BF16", "bf16")]
    [InlineData("q9", null)]
    public void Kinds_are_found_by_name(string name, string? expected) => Assert.Equal(expected, GgufExportType.Find(name)?.Name);

    // By Python's round and format, which the converter uses: halves of the exact value to even.
    [Theory]
    [InlineData(152_500, "152K")]
    [InlineData(151_500, "152K")]
    [InlineData(1_250_000, "1.2M")]
    [InlineData(1_150_000, "1.1M")]
    [InlineData(1_350_000, "1.3M")]
    [InlineData(8_190_735_360, "8.2B")]
    [InlineData(31_070_754_032, "31B")]
    [InlineData(999, "1.0K")]
    [InlineData(99_950, "100K")]
    [InlineData(9_949, "10K")]
    [InlineData(1_000_000_000_000, "1.0T")]
    public void Sizes_are_rounded_as_the_converter_does(long parameters, string expected) => Assert.Equal(expected, SizeLabel.Rounded(parameters));

    [Theory]
    [InlineData("tiny-qwen3vl", 152_000, "tiny-qwen3vl|||||")]
    [InlineData("Qwen/Qwen3-VL-8B-Instruct", 8_190_735_360, "Qwen3-VL-8B-Instruct|Qwen|Qwen3-VL|Instruct||8B")]
    [InlineData("Qwen/Qwen3-VL-8B-Instruct", 576_388_336, "Qwen3-VL-8B-Instruct|Qwen|Qwen3-VL|8b-Instruct||")]
    [InlineData("Qwen3-VL-30B-A3B-Instruct", 30_532_122_624, "Qwen3-VL-30B-A3B-Instruct||Qwen3-VL|Instruct||30B-A3B")]
    [InlineData("Qwen3-4B-Instruct-2507", 4_022_468_096, "Qwen3-4B-Instruct-2507||Qwen3|Instruct|2507|4B")]
    [InlineData("MBZUAI/MediX-R1-8b", 8_190_735_360, "MediX-R1-8b|MBZUAI|MediX-R1|||8B")]
    [InlineData("my fine model", 10, "my fine model|||||")]
    public void Names_are_taken_apart(string id, long parameters, string expected)
    {
        ModelId found = ModelId.Of(id, parameters);
        Assert.Equal(expected, string.Join('|', found.Name, found.Organization, found.Basename, found.Finetune, found.Version, found.Size));
    }

    [Theory]
    [InlineData("tiny-qwen3vl", "Tiny Qwen3Vl")]
    [InlineData("Qwen3-VL-8B-instruct", "Qwen3 VL 8B Instruct")]
    [InlineData("run-2507-v1.2", "Run 2507 v1.2")]
    public void Names_become_titles(string name, string expected) => Assert.Equal(expected, ModelId.Title(name));

    /// <summary>Whatever the pieces in which values are asked for.</summary>
    [Fact]
    public void Turned_and_interleaved_values_do_not_depend_on_the_pieces()
    {
        using TempFolder folder = new();
        Qwen3VLConfig config = TinyModel.Config with
        {
            Architecture = "Qwen3VLMoeForConditionalGeneration",
            Text = TinyModel.Config.Text with { Experts = 3, ExpertsPerToken = 1, ExpertIntermediate = 5, DenseLayers = [] },
        };
        using Checkpoint model = Checkpoint.Open(TinyModel.Save(folder, config, TinyModel.Tensors(config)));
        string fused = ModelTensors.TextPrefix + "layers.0.mlp.experts.gate_up_proj", patch = ModelTensors.VisionPrefix + "patch_embed.proj.weight";
        float[] experts = model.ReadFloat32(fused), frames = model.ReadFloat32(patch);
        float[] up = [.. from e in Enumerable.Range(0, 3) from i in Enumerable.Range(0, 5) from h in Enumerable.Range(0, 16) select experts[(((e * 16) + h) * 10) + 5 + i]];
        float[] second = [.. from r in Enumerable.Range(0, 8 * 3) from p in Enumerable.Range(0, 16) select frames[(((r * 2) + 1) * 16) + p]];
        Gen.Int[1, 70].Array[1, 40].Sample(
            cuts =>
            {
                Assert.Equal(up, InPieces(TensorSource.Turned(model, fused, 16, 10, 5, 5), up.Length, cuts));
                Assert.Equal(second, InPieces(TensorSource.Runs(model, patch, 16, 1, 2), second.Length, cuts));
            },
            iter: 100,
            threads: 1);
    }

    private static float[] InPieces(ValueReader read, int count, int[] cuts)
    {
        float[] values = new float[count];
        for (int start = 0, turn = 0; start < count; turn++)
        {
            int take = Math.Min(cuts[turn % cuts.Length], count - start);
            read(start, values.AsSpan(start, take));
            start += take;
        }

        return values;
    }
}
