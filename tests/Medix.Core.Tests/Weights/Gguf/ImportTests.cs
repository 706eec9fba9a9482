using System.Text.Json;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Import;
using Medix.Weights.Gguf.Quantisation;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Weights.Gguf;

public sealed class ImportTests
{
    [Fact]
    public void Pieces_are_put_together_as_published()
    {
        using TempFolder folder = new();
        TinyGguf text = TinyGguf.Model("qwen3vlmoe", TinyGguf.Mixture), tower = TinyGguf.Tower();
        using GgufModel model = GgufModel.Open(text.Save(folder, "a.gguf"), tower.Save(folder, "b.gguf"));
        ExpectedTensor[] plan = [.. ModelTensors.Of(model.Config)];

        // Two frames [D, C, P, P] make [D, C, 2, P, P].
        ExpectedTensor patches = plan.Single(tensor => tensor.Name.EndsWith("patch_embed.proj.weight", StringComparison.Ordinal));
        float[] frames = Read(model, patches);
        int square = (int)(patches.Shape[3] * patches.Shape[4]);
        Assert.Equal(tower.Tensors["v.patch_embd.weight"].Values, Enumerable.Range(0, frames.Length).Where(i => i / square % 2 == 0).Select(i => frames[i]));
        Assert.Equal(tower.Tensors["v.patch_embd.weight.1"].Values, Enumerable.Range(0, frames.Length).Where(i => i / square % 2 == 1).Select(i => frames[i]));

        // Gate and up, each [E, inner, hidden], make [E, hidden, 2·inner].
        ExpectedTensor both = plan.First(tensor => tensor.Name.EndsWith("experts.gate_up_proj", StringComparison.Ordinal));
        float[] published = Read(model, both), gate = text.Tensors["blk.0.ffn_gate_exps.weight"].Values, up = text.Tensors["blk.0.ffn_up_exps.weight"].Values;
        int hidden = (int)both.Shape[1], inner = (int)both.Shape[2] / 2;
        for (int i = 0; i < published.Length; i++)
        {
            int expert = i / (2 * inner * hidden), row = i / (2 * inner) % hidden, column = i % (2 * inner);
            float[] half = column < inner ? gate : up;
            Assert.Equal(half[(((expert * inner) + (column % inner)) * hidden) + row], published[i]);
        }
    }

    [Fact]
    public void A_slice_is_a_part_of_the_whole()
    {
        using TempFolder folder = new();
        using GgufModel model = GgufModel.Open(TinyGguf.Model("qwen3vlmoe", TinyGguf.Mixture).Save(folder, "a.gguf"), TinyGguf.Tower().Save(folder, "b.gguf"));
        SeededRandom random = Seed.Random(3);
        foreach (ExpectedTensor tensor in ModelTensors.Of(model.Config))
        {
            float[] whole = Read(model, tensor);
            for (int i = 0; i < 5; i++)
            {
                int start = random.NextInt(whole.Length), length = random.NextInt(whole.Length - start + 1);
                float[] slice = new float[length];
                model.ReadFloat32(tensor.Name, start, slice);
                Assert.Equal(whole[start..(start + length)], slice);
            }

            Assert.Throws<ArgumentOutOfRangeException>(() => model.ReadFloat32(tensor.Name, 1, new float[whole.Length]));
        }
    }

    [Theory]
    [InlineData("qwen3", false, "Qwen3ForCausalLM")]
    [InlineData("qwen3moe", false, "Qwen3MoeForCausalLM")]
    [InlineData("qwen3vl", false, "Qwen3ForCausalLM")]
    [InlineData("qwen3vl", true, "Qwen3VLForConditionalGeneration")]
    [InlineData("qwen3vlmoe", false, "Qwen3MoeForCausalLM")]
    [InlineData("qwen3vlmoe", true, "Qwen3VLMoeForConditionalGeneration")]
    public void Every_kind_of_model_becomes_a_folder(string architecture, bool sees, string expected)
    {
        using TempFolder folder = new();
        TextConfig decoder = architecture.EndsWith("moe", StringComparison.Ordinal) ? TinyGguf.Mixture : TinyGguf.Decoder;
        using GgufModel model = GgufModel.Open(TinyGguf.Model(architecture, decoder).Save(folder, "a.gguf"), sees ? TinyGguf.Tower().Save(folder, "b.gguf") : null);
        string target = folder.File("out");
        GgufImporter.Import(model, target, new("F32"), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(ModelInspector.Inspect(target).Faults);
        using Checkpoint written = Checkpoint.Open(target);
        Assert.Equal(expected, written.Config.Architecture);
        Assert.Equivalent(model.Config, written.Config, strict: true);
        Assert.Equal(sees ? [2, 1, 1] : null, written.Config.Text.MropeSection);
        Assert.Equal([259, 257], written.Config.EosTokenIds);
        foreach (ExpectedTensor tensor in ModelTensors.Of(written.Config))
        {
            // The shapes of the experts' first matrices coincide here: who opens the folder must know which it is.
            bool held = written.HoldsExpertsTransposed(tensor);
            Assert.Equal(!sees && tensor.OtherShape is not null, held);
            float[] values = Read(model, tensor);
            if (held)
            {
                model.ReadFloat32AsHeld(tensor.Name, 0, values);
            }

            Assert.Equal(values, written.ReadFloat32(tensor.Name));
        }

        Tokenizer tokenizer = Tokenizer.Load(target);
        Assert.Equal([256, 260, 264], tokenizer.Encode("ab<|vision_start|><think>"));
        Assert.Equal("ab<think>", tokenizer.Decode([256, 260, 264], skipSpecial: true));
        Assert.Equal(265, tokenizer.VocabularySize);
        using JsonDocument settings = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(target, "tokenizer_config.json")));
        Assert.False(settings.RootElement.TryGetProperty("chat_template", out _), "The file has no chat template; none is to be made up.");
        if (sees)
        {
            Assert.Contains("0.7", File.ReadAllText(Path.Combine(target, "preprocessor_config.json")), StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, string, Action<TinyModelFiles>> Faults { get; } = new()
    {
        { "another architecture", "'llama'", files => files.Text.Keys["general.architecture"] = GgufValue.Of("llama") },
        { "the tower in the model's place", "--mmproj", files => files.Text.Keys["general.architecture"] = GgufValue.Of("clip") },
        { "a tower for a model that reads text only", "text only", files => files.Text.Keys["general.architecture"] = GgufValue.Of("qwen3") },
        { "another tower", "clip.projector_type", files => files.Tower.Keys["clip.projector_type"] = GgufValue.Of("resampler") },
        { "a tower of another width", "clip.vision.projection_dim", files => files.Tower.Keys["clip.vision.projection_dim"] = GgufValue.Of(32u) },
        { "a tower of another depth", "is_deepstack_layers", files => files.Tower.Keys["clip.vision.is_deepstack_layers"] = GgufValue.Of([true, false]) },
        { "a tower with fewer levels", "takes 3", files => files.Text.Keys["qwen3vl.n_deepstack_layers"] = GgufValue.Of(3u) },
        { "stretched positions", "rope.scaling.type", files => files.Text.Keys["qwen3vl.rope.scaling.type"] = GgufValue.Of("yarn") },
        { "a sliding window", "attention.sliding_window", files => files.Text.Keys["qwen3vl.attention.sliding_window"] = GgufValue.Of(64u) },
        { "other sections", "rope.dimension_sections", files => files.Text.Keys["qwen3vl.rope.dimension_sections"] = GgufValue.Of([1, 1, 1, 1]) },
        { "uneven heads", "head_count_kv", files => files.Text.Keys["qwen3vl.attention.head_count_kv"] = GgufValue.Of(3u) },
        { "more layers", "blk.2.attn_norm.weight", files => files.Text.Keys["qwen3vl.block_count"] = GgufValue.Of(3_000_000u) },
        { "fewer layers than levels", "at most 1", files => files.Text.Keys["qwen3vl.block_count"] = GgufValue.Of(1u) },
        { "a tensor nobody knows", "rope_freqs.weight", files => files.Text.Tensors["rope_freqs.weight"] = ([4], [1, 2, 3, 4]) },
        { "another shape", "blk.1.attn_k.weight", files => files.Text.Tensors["blk.1.attn_k.weight"] = ([1, 256], new float[256]) },
        { "the embedding is no matrix", "token_embd.weight", files => files.Text.Tensors["token_embd.weight"] = ([4], new float[4]) },
        { "no image token", "<|image_pad|>", files => ((string[])files.Text.Keys["tokenizer.ggml.tokens"].Value)[262] = "<|other|>" },
        { "another tokenizer", "tokenizer.ggml.model", files => files.Text.Keys["tokenizer.ggml.model"] = GgufValue.Of("llama") },
        { "another pattern", "tokenizer.ggml.pre", files => files.Text.Keys["tokenizer.ggml.pre"] = GgufValue.Of("llama-bpe") },
        { "a token in front of every text", "add_bos_token", files => files.Text.Keys["tokenizer.ggml.add_bos_token"] = GgufValue.Of(true) },
        { "types that are missing", "token_type", files => files.Text.Keys["tokenizer.ggml.token_type"] = GgufValue.Of([1, 1]) },
        { "a type of another tokenizer", "type 6", files => ((int[])files.Text.Keys["tokenizer.ggml.token_type"].Value)[5] = 6 },
        { "a token twice", "twice", files => ((string[])files.Text.Keys["tokenizer.ggml.tokens"].Value)[256] = "a" },
        { "a merge of one", "'ab'", files => files.Text.Keys["tokenizer.ggml.merges"] = GgufValue.Of(["ab"]) },
        { "a merge into nothing", "'ba'", files => files.Text.Keys["tokenizer.ggml.merges"] = GgufValue.Of(["b a"]) },
        { "more tokens than rows", "tokenizer.ggml.tokens", files => files.Text.Keys["tokenizer.ggml.tokens"] = GgufValue.Of([.. Enumerable.Repeat("x", 273)]) },
        { "a stop token that is none", "eos_token_id", files => files.Text.Keys["tokenizer.ggml.eos_token_id"] = GgufValue.Of(272u) },
        { "a number that is none", "NaN", files => files.Text.Tensors["output_norm.weight"].Values[3] = float.NaN },
        { "a number beyond bfloat16", "fp32", files => files.Text.Tensors["output_norm.weight"].Values[3] = float.MinValue },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_is_not_right_is_refused_by_name_and_leaves_nothing(string what, string part, Action<TinyModelFiles> damage)
    {
        using TempFolder folder = new();
        TinyModelFiles files = new(TinyGguf.Model("qwen3vl", TinyGguf.Decoder), TinyGguf.Tower());
        damage(files);
        string model = files.Text.Save(folder, "a.gguf"), tower = files.Tower.Save(folder, "b.gguf");
        MedixException error = Assert.Throws<MedixException>(() =>
        {
            using GgufModel opened = GgufModel.Open(model, tower);
            GgufImporter.Import(opened, folder.File("out"), new(), cancellationToken: TestContext.Current.CancellationToken);
        });
        Assert.True(error.Message.Contains(part, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
        Assert.Equal(["a.gguf", "b.gguf"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Every_kind_of_values_that_cannot_be_read_is_refused_by_name()
    {
        using TempFolder folder = new();
        foreach (BlockFormat kind in BlockFormats.All.Where(kind => !kind.CanRead))
        {
            TinyGguf file = TinyGguf.Model("qwen3", TinyGguf.Decoder);
            file.Tensors["blk.1.attn_k.weight"] = ([1, 256], new float[256]);
            file.Kinds["blk.1.attn_k.weight"] = kind;
            MedixException error = Assert.Throws<MedixException>(() => GgufModel.Open(file.Save(folder, "a.gguf")));
            Assert.Contains($"'blk.1.attn_k.weight' is {kind.Name},", error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>What the metadata do not call for would be left out, and the answers would change.</summary>
    [Fact]
    public void Layers_beyond_the_last_are_refused()
    {
        using TempFolder folder = new();
        TinyGguf file = TinyGguf.Model("qwen3", TinyGguf.Decoder);
        file.Keys["qwen3.block_count"] = GgufValue.Of(1u);
        MedixException error = Assert.Throws<MedixException>(() => GgufModel.Open(file.Save(folder, "a.gguf")));
        Assert.Contains("'blk.1.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_holds_something_is_left_alone()
    {
        using TempFolder folder = new();
        using GgufModel model = GgufModel.Open(TinyGguf.Model("qwen3", TinyGguf.Decoder).Save(folder, "a.gguf"));
        Assert.Throws<MedixException>(() => GgufImporter.Import(model, folder.Path, new(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void An_interrupted_import_leaves_nothing()
    {
        using TempFolder folder = new();
        using GgufModel model = GgufModel.Open(TinyGguf.Model("qwen3", TinyGguf.Decoder).Save(folder, "a.gguf"));
        using CancellationTokenSource source = new();
        long total = 0;
        Assert.Throws<OperationCanceledException>(() => GgufImporter.Import(
            model, folder.File("out"), new(), made =>
            {
                total = made.Total;
                Assert.InRange(made.Done, 1, made.Total);
                source.Cancel();
            },
            source.Token));
        Assert.True(total > 0);
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    /// <summary>The files of a model with a vision tower.</summary>
    public sealed record TinyModelFiles
    {
        internal TinyModelFiles(TinyGguf text, TinyGguf tower) => (Text, Tower) = (text, tower);

        internal TinyGguf Text { get; }

        internal TinyGguf Tower { get; }
    }

    private static float[] Read(GgufModel model, ExpectedTensor tensor)
    {
        float[] values = new float[tensor.Shape.Aggregate(1L, (product, side) => product * side)];
        model.ReadFloat32(tensor.Name, 0, values);
        return values;
    }
}
