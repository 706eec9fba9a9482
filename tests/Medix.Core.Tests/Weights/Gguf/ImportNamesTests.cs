using Medix.Weights;
using Medix.Weights.Gguf;

namespace Medix.Core.Tests.Weights.Gguf;

public sealed class ImportNamesTests
{
    private static readonly int[] Deepstack = [5, 11, 17];

    [Theory]
    [InlineData("lm_head.weight", "output.weight")]
    [InlineData("model.language_model.embed_tokens.weight", "token_embd.weight")]
    [InlineData("model.language_model.layers.10.mlp.down_proj.weight", "blk.10.ffn_down.weight")]
    [InlineData("model.language_model.layers.0.mlp.experts.gate_up_proj", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight")]
    [InlineData("model.visual.patch_embed.proj.weight", "v.patch_embd.weight", "v.patch_embd.weight.1")]
    [InlineData("model.visual.blocks.3.mlp.linear_fc1.bias", "v.blk.3.ffn_up.bias")]
    [InlineData("model.visual.merger.linear_fc2.weight", "mm.2.weight")]
    [InlineData("model.visual.deepstack_merger_list.2.norm.bias", "v.deepstack.17.norm.bias")]
    public void Names_go_both_ways(string canonical, params string[] gguf)
    {
        Assert.Equal(gguf, GgufTensorNames.Of(canonical, Deepstack));
        Assert.All(gguf, name => Assert.Equal(canonical, GgufTensorNames.Canonical(name, Deepstack)));
        Assert.Equal(canonical.StartsWith("model.visual.", StringComparison.Ordinal), GgufTensorNames.IsVision(canonical));
    }

    [Theory]
    [InlineData("blk.01.ffn_down.weight")]
    [InlineData("blk.-1.ffn_down.weight")]
    [InlineData("blk..ffn_down.weight")]
    [InlineData("blk.1.attn_q.bias")]
    [InlineData("blk.99999999999.attn_q.weight")]
    [InlineData("v.deepstack.6.norm.bias")]
    [InlineData("rope_freqs.weight")]
    public void A_tensor_of_other_models_has_no_name_here(string gguf) => Assert.Null(GgufTensorNames.Canonical(gguf, Deepstack));

    [Fact]
    public void Every_tensor_of_every_kind_of_model_has_names_of_its_own()
    {
        VisionConfig vision = new(18, 32, 4, 64, 64, 16, 2, 2, 3, 2304, Deepstack);
        TextConfig dense = new(1024, 64, 3, 4, 2, 16, 160, 1e-6, 5e6, null, 4096, TieWordEmbeddings: false), mixture = dense with { Experts = 8, ExpertIntermediate = 48 };
        foreach (TextConfig text in (TextConfig[])[dense, mixture])
        {
            HashSet<string> seen = [];
            foreach (ExpectedTensor tensor in ModelTensors.Of(new("", text, vision, 1, 2, 3, 4, [])))
            {
                IReadOnlyList<string> names = GgufTensorNames.Of(tensor.Name, Deepstack);
                Assert.NotEmpty(names);
                Assert.All(names, name => Assert.True(seen.Add(name), name));
            }
        }
    }
}
