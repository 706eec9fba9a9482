using System.Text.Json.Nodes;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

/// <summary>Which configurations are refused, and where stop tokens come from.</summary>
public sealed class ModelConfigTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("architectures", """["LlamaForCausalLM"]""", "Qwen3VLForConditionalGeneration")]
    [InlineData("architectures", "[7]", "array of texts")]
    [InlineData("text_config", null, "an object")]
    [InlineData("text_config.rope_theta", null, "rope_theta is missing")]
    [InlineData("text_config.rope_theta", "-1", "above 0")]
    [InlineData("text_config.head_dim", "7", "even")]
    [InlineData("text_config.head_dim", null, "head_dim is missing")]
    [InlineData("text_config.hidden_size", "0", "at least 1")]
    [InlineData("text_config.hidden_size", "99999999999", "99999999999")]
    [InlineData("text_config.hidden_size", "\"wide\"", "\"wide\"")]
    [InlineData("text_config.num_key_value_heads", "3", "divisor")]
    [InlineData("text_config.rope_scaling.mrope_section", "[2,2,2]", "sum to head_dim/2 = 4")]
    [InlineData("text_config.rope_scaling.mrope_interleaved", "false", "mrope_interleaved")]
    [InlineData("text_config.rope_scaling.rope_type", "\"yarn\"", "yarn")]
    [InlineData("text_config.hidden_act", "\"gelu\"", "silu")]
    [InlineData("text_config.attention_bias", "true", "attention_bias")]
    [InlineData("vision_config.out_hidden_size", "17", "hidden_size 16")]
    [InlineData("vision_config.num_position_embeddings", "10", "square")]
    [InlineData("vision_config.num_heads", "4", "multiple of 4")]
    [InlineData("vision_config.deepstack_visual_indexes", "[2]", "below 2")]
    [InlineData("vision_config.deepstack_visual_indexes", "[0,0]", "distinct")]
    [InlineData("image_token_id", "40", "from 0 to 39")]
    public void A_wrong_or_unsupported_field_is_named(string field, string? value, string saying)
    {
        string path = Write(field, value);
        string message = Assert.Throws<MedixException>(() => ModelConfigReader.Read(path)).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(saying, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_architecture_lists_the_known()
    {
        string message = Assert.Throws<MedixException>(() => ModelConfigReader.Read(Write("architectures", """["LlamaForCausalLM"]"""))).Message;
        Assert.All(
            (string[])["LlamaForCausalLM", "Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration", "Qwen3ForCausalLM"],
            name => Assert.Contains(name, message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_architecture_may_be_given_by_the_model_type_alone() =>
        Assert.Equal("Qwen3VLForConditionalGeneration", ModelConfigReader.Read(Write("architectures", null)).Architecture);

    [Theory]
    [InlineData("7", null, new[] { 7 })]
    [InlineData("[7,8]", null, new[] { 7, 8 })]
    [InlineData(null, null, new int[0])]
    [InlineData("7", """{"eos_token_id":[3,4]}""", new[] { 3, 4 })]
    [InlineData("7", """{"eos_token_id":5}""", new[] { 5 })]
    [InlineData("7", """{"temperature":0.7}""", new[] { 7 })]
    public void Stop_tokens_come_from_the_generation_settings_first(string? own, string? generation, int[] expected)
    {
        string path = Write("text_config.eos_token_id", own);
        if (generation is not null)
        {
            File.WriteAllText(_folder.File("generation_config.json"), generation);
        }

        Assert.Equal(expected, ModelConfigReader.Read(path).EosTokenIds);
    }

    [Fact]
    public void A_tied_flag_at_either_place_counts()
    {
        Assert.True(ModelConfigReader.Read(Write("tie_word_embeddings", "false")).Text.TieWordEmbeddings);
        Assert.True(ModelConfigReader.Read(Write("text_config.tie_word_embeddings", "false")).Text.TieWordEmbeddings);
        Assert.True(ModelConfigReader.Read(Write("text_config.tie_word_embeddings", null)).Text.TieWordEmbeddings);
    }

    [Fact]
    public void Missing_and_broken_files_are_refused()
    {
        Assert.Throws<MedixException>(() => ModelConfigReader.Read(_folder.File("none.json")));
        foreach (string text in (string[])["", "[]", "{\"a\":"])
        {
            File.WriteAllText(_folder.File("config.json"), text);
            Assert.Throws<MedixException>(() => ModelConfigReader.Read(_folder.File("config.json")));
        }
    }

    /// <summary>The tiny model's file with one field replaced by a JSON value, or removed.</summary>
    private string Write(string field, string? value)
    {
        string path = _folder.File("config.json");
        ModelConfigWriter.Write(path, TinyModel.Config, "float32");
        JsonObject root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        string[] parts = field.Split('.');
        JsonObject parent = parts[..^1].Aggregate(root, (node, part) => node[part]!.AsObject());
        parent.Remove(parts[^1]);
        if (value is not null)
        {
            parent[parts[^1]] = JsonNode.Parse(value);
        }

        File.WriteAllText(path, root.ToJsonString());
        return path;
    }
}
