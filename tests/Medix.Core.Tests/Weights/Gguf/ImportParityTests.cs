using System.Text.Json;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Import;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Files of llama.cpp's converter against the checkpoints they were made from. Tolerances stand in the goldens' README.</summary>
[Trait("Category", "Parity")]
public sealed class ImportParityTests
{
    // bfloat16 values below fp16's normal range move by half of its smallest step, 2^-25, and half a bfloat16 step of that again on the way back.
    private const float HalfStep = 6e-8f;

    // Two bits a weight leave an error of about a third; a wrong order of values leaves one of about 1.4.
    private const double QuantisedError = 0.5;

    [Fact]
    public void Every_tensor_equals_the_checkpoints()
    {
        int exact = 0, half = 0, quantised = 0;
        foreach (GgufCase model in GgufCase.All())
        {
            using (model)
            {
                foreach (ExpectedTensor tensor in ModelTensors.Of(model.Gguf.Config))
                {
                    float[] expected = model.Published(tensor), actual = new float[expected.Length];
                    model.Gguf.ReadFloat32(tensor.Name, 0, actual);
                    switch (model.KindOf(tensor))
                    {
                        case "F32" or "BF16":
                            Assert.Equal(expected, actual);
                            exact++;
                            break;
                        case "F16":
                            AssertClose(expected, actual, HalfStep, $"{model.Name}, {tensor.Name}");
                            half++;
                            break;
                        default:
                            double error = Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow(e - a, 2)).Sum() / expected.Sum(e => (double)e * e));
                            Assert.True(error < QuantisedError, $"{model.Name}, {tensor.Name}: relative error {error}");
                            quantised++;
                            break;
                    }
                }
            }
        }

        Assert.True(exact > 0 && half > 0 && quantised > 0, $"{exact} exact, {half} half, {quantised} quantised tensors: a kind is missing.");
    }

    [Fact]
    public void The_folder_opens_and_holds_what_the_model_reads()
    {
        foreach (GgufCase model in GgufCase.All())
        {
            using (model)
            using (TempFolder folder = new())
            {
                string target = folder.File("out");
                GgufImporter.Import(model.Gguf, target, new("F32", ShardBytes: 300_000), cancellationToken: TestContext.Current.CancellationToken);
                using Checkpoint written = Checkpoint.Open(target);
                Assert.Equivalent(model.Gguf.Config, written.Config, strict: true);
                Assert.True(written.Files.Count > 1, "The weights were to be in several files.");
                foreach (ExpectedTensor tensor in ModelTensors.Of(written.Config))
                {
                    float[] expected = new float[tensor.Shape.Aggregate(1L, (product, side) => product * side)];
                    bool held = written.HoldsExpertsTransposed(tensor);
                    Assert.Equal(tensor.OtherShape is not null && written.Config.Vision is null, held);
                    (held ? (Reader)model.Gguf.ReadFloat32AsHeld : model.Gguf.ReadFloat32)(tensor.Name, 0, expected);
                    Assert.Equal(expected, written.ReadFloat32(tensor.Name));
                }
            }
        }
    }

    /// <summary>In the default type: what the converter rounded to fp16 comes back as the published bfloat16.</summary>
    [Fact]
    public void Shape_settings_and_rounded_weights_are_the_checkpoints()
    {
        int compared = 0;
        foreach (GgufCase model in GgufCase.All())
        {
            using (model)
            using (TempFolder folder = new())
            {
                Qwen3VLConfig published = model.Checkpoint.Config, found = model.Gguf.Config;
                Assert.Equivalent(published.Text with { MropeSection = null, DenseLayers = null }, found.Text with { MropeSection = null, DenseLayers = null }, strict: true);
                Assert.Equal(published.EosTokenIds, found.EosTokenIds);
                if (found.Vision is not null)
                {
                    Assert.Equivalent(model.Tower!.Config.Vision, found.Vision, strict: true);
                    Assert.Equivalent(published with { Vision = null }, found with { Vision = null }, strict: true);
                }

                string target = folder.File("out");
                GgufImporter.Import(model.Gguf, target, new(), cancellationToken: TestContext.Current.CancellationToken);
                compared += CompareWeights(model, target);
                AssertJson(model.Checkpoint.Folder, target, "generation_config.json", "bos_token_id", "eos_token_id", "pad_token_id", "do_sample", "temperature", "top_k", "top_p");
                AssertJson(
                    model.Checkpoint.Folder, target, "tokenizer_config.json", "added_tokens_decoder", "chat_template", "eos_token", "pad_token", "bos_token", "unk_token",
                    "tokenizer_class", "add_bos_token", "add_prefix_space", "additional_special_tokens", "errors", "clean_up_tokenization_spaces", "split_special_tokens");
                string[] vision = ["preprocessor_config.json", "video_preprocessor_config.json", "chat_template.json"];
                Assert.All(vision, name => Assert.Equal(found.Vision is not null, File.Exists(Path.Combine(target, name))));
                string[] processors = found.Vision is null ? [] : vision[..2];
                Array.ForEach(processors, name => AssertJson(model.Tower!.Folder, target, name));
            }
        }

        Assert.True(compared > 0, "There were no weights to compare.");
    }

    [Fact]
    public void The_tokenizer_is_the_checkpoints_entry_for_entry()
    {
        foreach (GgufCase model in GgufCase.All())
        {
            using (model)
            using (TempFolder folder = new())
            {
                model.Gguf.Tokenizer.Save(folder.Path);
                TokenizerDefinition expected = TokenizerReader.Read(model.Checkpoint.Folder), actual = TokenizerReader.Read(folder.Path);
                Assert.Equal(expected.Vocabulary.OrderBy(pair => pair.Value), actual.Vocabulary.OrderBy(pair => pair.Value));
                Assert.Equal(expected.Merges, actual.Merges);
                Assert.Equal(expected.Added.OrderBy(pair => pair.Key), actual.Added.OrderBy(pair => pair.Key));
                Assert.Equal(expected.Pattern, actual.Pattern);
                Assert.Equal(expected.ComposesText, actual.ComposesText);
            }
        }
    }

    [Fact]
    public void Texts_have_the_reference_tokens()
    {
        using JsonDocument logits = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedFiles.Require("goldens", "gguf"), "logits.json")));
        string text = logits.RootElement.GetProperty("text").GetString()!;
        int compared = 0;
        foreach (JsonProperty family in logits.RootElement.GetProperty("models").EnumerateObject())
        {
            int[] expected = [.. family.Value.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
            Tokenizer published = Tokenizer.Load(Path.Combine(GgufGoldens.Folder("hf"), family.Name));
            foreach (JsonProperty file in family.Value.GetProperty("gguf").EnumerateObject())
            {
                using GgufModel model = GgufModel.Open(Path.Combine(GgufGoldens.Folder("models"), file.Name));
                Assert.Equal(expected, model.Tokenizer.Encode(text));
                string chat = $"<|im_start|>user\n<think>{text}</think> été 12³ \u00e9\u0301<|fim_prefix|>x<|im_end|>\n";
                int[] ids = published.Encode(chat);
                Assert.Equal(ids, model.Tokenizer.Encode(chat));
                Assert.Equal(published.Decode(ids, skipSpecial: true), model.Tokenizer.Decode(ids, skipSpecial: true));
                compared++;
            }
        }

        Assert.True(compared > 0, "There was no text to compare.");
    }

    /// <summary>Every part of a split model opens the whole.</summary>
    [Fact]
    public void Any_part_of_a_split_model_will_do()
    {
        string[] parts = [.. Directory.GetFiles(GgufGoldens.Folder("models"), "*-of-*.gguf")];
        Assert.NotEmpty(parts);
        foreach (string part in parts)
        {
            using GgufModel model = GgufModel.Open(part);
            Assert.True(model.Text.Files.Count > 1);
            Assert.NotEqual(0, model.Tokenizer.VocabularySize);
        }
    }

    private static int CompareWeights(GgufCase model, string folder)
    {
        Assert.True(File.Exists(Path.Combine(folder, "model.safetensors")), "One file was expected.");
        using Checkpoint written = Checkpoint.Open(folder);
        ExpectedTensor[] plain = [.. ModelTensors.Of(written.Config).Where(tensor => tensor.OtherShape is null && model.KindOf(tensor) is "F32" or "F16" or "BF16")];
        foreach (ExpectedTensor tensor in plain)
        {
            Assert.Equal("BF16", written.Info(tensor.Name).DType);
            AssertClose(model.Published(tensor), written.ReadFloat32(tensor.Name), HalfStep, $"{model.Name}, {tensor.Name}");
        }

        return plain.Length;
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{what}: value {i} is {actual[i]}, expected {expected[i]}");
        }
    }

    /// <summary>These properties are equal, or all where none is named.</summary>
    private static void AssertJson(string expectedFolder, string actualFolder, string name, params string[] properties)
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(expectedFolder, name)));
        using JsonDocument actual = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(actualFolder, name)));
        foreach (string property in properties.Length > 0 ? properties : [.. expected.RootElement.EnumerateObject().Select(entry => entry.Name)])
        {
            JsonElement left = expected.RootElement.GetProperty(property), right = actual.RootElement.GetProperty(property);
            Assert.True(JsonElement.DeepEquals(left, right), $"{actualFolder}/{name}, {property}: {right}, expected {left}");
        }
    }

    private delegate void Reader(string name, long start, Span<float> values);
}
