using Medix.Core.Tests.Weights;
using Medix.Runs;
using Medix.Weights.Adapters;

namespace Medix.Core.Tests.Adapters;

public sealed class LoraConfigTests
{
    [Theory]
    [InlineData("model.layers.3.self_attn.q_proj", true)]
    [InlineData("model.layers.3.self_attn.k_proj", false)]
    [InlineData("model.layers.3.self_attn.xq_proj", false)]
    [InlineData("q_proj", true)]
    public void A_list_names_last_parts(string path, bool expected) => Assert.Equal(expected, new LoraTargets(["q_proj"]).HasModule(path));

    [Fact]
    public void A_pattern_matches_whole_paths_and_exclusions_and_layers_narrow()
    {
        LoraTargets targets = new([], @".*layers\.\d+\.self_attn\.(q|v)_proj", Excluded: ["v_proj"], Layers: [1]);
        Assert.True(targets.HasModule("model.layers.1.self_attn.q_proj"));
        Assert.False(targets.HasModule("model.layers.1.self_attn.q_proj.more"));
        Assert.False(targets.HasModule("model.layers.1.self_attn.v_proj"));
        Assert.False(targets.HasModule("model.layers.2.self_attn.q_proj"));
    }

    [Fact]
    public void All_linear_leaves_the_head_alone()
    {
        LoraTargets targets = new([LoraTargets.AllLinear]);
        Assert.True(targets.HasModule("model.visual.blocks.0.attn.qkv"));
        Assert.False(targets.HasModule("lm_head"));
    }

    [Fact]
    public void Patterns_change_rank_and_scale()
    {
        LoraConfig config = new(
            8, 16, new(["q_proj"]), RankPattern: new Dictionary<string, double> { ["layers.0.self_attn.q_proj"] = 4 },
            AlphaPattern: new Dictionary<string, double> { ["q_proj"] = 2 });
        Assert.Equal(4, config.RankOf("model.layers.0.self_attn.q_proj"));
        Assert.Equal(8, config.RankOf("model.layers.10.self_attn.q_proj"));
        Assert.Equal(0.5f, config.ScaleOf("model.layers.0.self_attn.q_proj", 4));
        Assert.Equal(2f, config.ScaleOf("model.layers.0.self_attn.k_proj", 8));
        Assert.Equal(16 / MathF.Sqrt(8), (config with { RankStabilised = true }).ScaleOf("model.k_proj", 8), 1e-6f);
    }

    [Theory]
    [InlineData("""{"peft_type":"IA3","r":4,"lora_alpha":8}""", "peft_type")]
    [InlineData("""{"peft_type":"LORA","r":0,"lora_alpha":8,"target_modules":["q_proj"]}""", "r is 0")]
    [InlineData("""{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":["q_proj"],"modules_to_save":["lm_head"]}""", "modules_to_save")]
    [InlineData("""{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":["q_proj"],"bias":"all"}""", "bias")]
    [InlineData("""{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":[]}""", "no targets")]
    [InlineData("""{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":"*("}""", "regular expression")]
    public void Settings_that_would_change_the_result_are_refused_by_name(string json, string named)
    {
        using TempFolder temp = new();
        string path = temp.File(LoraConfigFile.Name);
        File.WriteAllText(path, json);
        MedixException error = Assert.Throws<MedixException>(() => LoraConfigFile.Read(path));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }
}
