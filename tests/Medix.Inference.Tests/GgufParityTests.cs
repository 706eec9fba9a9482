using System.Text.Json;
using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Import;

namespace Medix.Inference.Tests;

/// <summary>Models straight from GGUF files, and imported ones, against the reference implementations. Tolerances stand in the goldens' README.</summary>
[Trait("Category", "Parity")]
public class GgufParityTests
{
    // The same arithmetic in another order of sums, in parts of the largest logit.
    private const float SumOrder = 1e-4f;

    [Fact]
    public void Logits_from_the_file_are_those_of_the_dequantised_weights()
    {
        int compared = 0;
        foreach (LogitsCase item in LogitsCases())
        {
            foreach (string? tower in Towers().Prepend(null))
            {
                using GgufModel? gguf = TryOpen(item.Path, tower);
                if (gguf is null)
                {
                    continue;
                }

                float[] expected = item.Expected("dequantised_f32"), llama = item.Expected("llama_cpp"), actual = item.Logits(gguf);
                float largest = expected.Max(Math.Abs);
                AssertClose(expected, actual, SumOrder * largest, $"{item.Path} with {tower ?? "no vision tower"}");
                AssertClose(llama, actual, LlamaTolerance(gguf, item, largest), $"{item.Path} against llama.cpp");
                compared++;
            }
        }

        Assert.True(compared > 0, "There was no file to compare.");
    }

    [Fact]
    public void An_imported_folder_gives_the_logits_of_the_file()
    {
        int compared = 0;
        foreach (LogitsCase item in LogitsCases())
        {
            string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            try
            {
                using GgufModel gguf = GgufModel.Open(item.Path);
                GgufImporter.Import(gguf, folder, new("F32"), cancellationToken: TestContext.Current.CancellationToken);
                using Checkpoint checkpoint = Checkpoint.Open(folder);
                using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint);
                Assert.Equal(item.Logits(gguf), item.Logits(model));
                Assert.Equal(item.Tokens, Tokenizer.Load(folder).Encode(item.Text));
                compared++;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        Assert.True(compared > 0, "There was no file to compare.");
    }

    [Fact]
    public void The_checkpoints_themselves_have_the_reference_logits()
    {
        foreach (LogitsCase item in LogitsCases().DistinctBy(item => item.Family))
        {
            using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(SharedFiles.Require("goldens", "gguf", "hf"), item.Family));
            using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint);
            float[] expected = item.Read($"{item.Family}.transformers_f32.logits");
            AssertClose(expected, item.Logits(model), SumOrder * expected.Max(Math.Abs), item.Family);
        }
    }

    [Fact]
    public void The_vision_tower_sees_what_the_reference_sees()
    {
        const float published = 1e-4f, rounded = 0.002f;
        using SafetensorsFile golden = SafetensorsFile.Open(SharedFiles.Require("goldens", "gguf", "vision.safetensors"));
        int files = 0, checkpoints = 0;
        foreach (string tower in Towers())
        {
            string[] models = [.. Directory.GetFiles(Folder("models"), "*.gguf").Order(StringComparer.Ordinal)];
            using GgufModel gguf = models.Select(path => TryOpen(path, tower)).First(model => model is not null)!;
            using Qwen3VLModel model = Qwen3VLModel.FromReader(gguf.Config, StoragePlan.For(WeightStorage.Fp32), gguf.ReadFloat32);
            float[] seen = See(model, golden);
            AssertClose(golden.ReadFloat32("transformers_f32"), seen, rounded, $"{tower} against transformers");
            AssertClose(golden.ReadFloat32("llama_cpp"), seen, rounded, $"{tower} against llama.cpp");
            files++;
            foreach (string folder in Directory.GetDirectories(Folder("hf")))
            {
                using Checkpoint checkpoint = Checkpoint.Open(folder);
                if (HasTower(checkpoint, gguf))
                {
                    using Qwen3VLModel original = Qwen3VLModel.FromCheckpoint(checkpoint);
                    AssertClose(golden.ReadFloat32("transformers_f32"), See(original, golden), published, folder);
                    checkpoints++;
                }
            }
        }

        Assert.True(files > 0 && checkpoints > 0, $"{files} vision files and {checkpoints} checkpoints were compared.");
    }

    private static string Folder(string name) => SharedFiles.Require("goldens", "gguf", name);

    /// <summary>The files of vision towers.</summary>
    private static string[] Towers()
    {
        string[] towers = [.. Directory.GetFiles(Folder("models"), "*.gguf").Where(IsTower).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(towers);
        return towers;
    }

    private static bool IsTower(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return file.Metadata.Has("clip.has_vision_encoder");
    }

    private static GgufModel? TryOpen(string path, string? tower)
    {
        try
        {
            return GgufModel.Open(path, tower);
        }
        catch (MedixException) when (tower is not null)
        {
            return null;
        }
    }

    /// <summary>Norms and biases are in single precision in every file: the checkpoint that a tower was made from has the same.</summary>
    private static bool HasTower(Checkpoint checkpoint, GgufModel gguf) => ModelTensors.Of(gguf.Config)
        .Where(tensor => GgufTensorNames.IsVision(tensor.Name) && tensor.Shape.Length == 1)
        .All(tensor =>
        {
            float[] values = new float[tensor.Shape[0]];
            gguf.ReadFloat32(tensor.Name, 0, values);
            return checkpoint.Contains(tensor.Name) && checkpoint.ReadFloat32(tensor.Name).AsSpan().SequenceEqual(values);
        });

    /// <summary>What the decoder gets to see of the golden image: for every token the main output and then that of each DeepStack level.</summary>
    private static float[] See(Qwen3VLModel model, SafetensorsFile golden)
    {
        long[] shape = golden.Tensors["image"].Shape;
        VisionConfig vision = model.Config.Vision!;
        ImageProcessorOptions options = ImageProcessorOptions.Qwen3VL(minPixels: 1) with
        {
            PatchSize = vision.PatchSize, TemporalPatchSize = vision.TemporalPatchSize, MergeSize = vision.SpatialMergeSize,
        };
        ProcessedImage image = new ImageProcessor(options).Process(new((int)shape[1], (int)shape[0], golden.Bytes("image").ToArray()));
        float[] first = golden.ReadFloat32("pixel_values");
        AssertClose(first, image.Patches[..first.Length], 1e-6f, "patches");
        Dictionary<string, float[]> outputs = [];
        int tokens = image.Grid.Patches / (vision.SpatialMergeSize * vision.SpatialMergeSize);
        model.Forward(
            new([.. Enumerable.Repeat(model.Config.ImageTokenId, tokens)], image.Patches, [image.Grid]), (_, _, _) => { }, (name, values) => outputs[name] = values.ToArray());
        string[] columns = ["vision.merged", .. vision.DeepstackIndexes.Select((_, level) => $"vision.deepstack.{level}")];
        return [.. Enumerable.Range(0, tokens).SelectMany(token => columns.SelectMany(column => outputs[column][(token * vision.OutHidden)..][..vision.OutHidden]))];
    }

    /// <summary>llama.cpp rounds activations too, to the kind of the weights; where it was measured to be further off, that counts.</summary>
    private static float LlamaTolerance(GgufModel gguf, LogitsCase item, float largest)
    {
        HashSet<string> kinds = [.. gguf.Text.Names.Select(name => gguf.Text.Tensor(name).Format.Name)];
        float usual = kinds.IsSubsetOf(["F32", "F16"]) ? 0.02f : kinds.IsSubsetOf(["F32", "BF16"]) ? 0.15f : 0.1f * item.Deviation;
        return Math.Max(usual, item.LlamaDistance + (SumOrder * largest));
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        float worst = expected.Zip(actual, (e, a) => float.IsFinite(a) ? Math.Abs(e - a) : float.PositiveInfinity).Max();
        Assert.True(worst <= tolerance, $"{what}: {worst} from the reference, at most {tolerance} is allowed");
    }

    private static List<LogitsCase> LogitsCases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Require("goldens", "gguf", "logits.json")));
        List<LogitsCase> cases = [];
        foreach (JsonProperty family in document.RootElement.GetProperty("models").EnumerateObject())
        {
            int[] ids = [.. family.Value.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
            cases.AddRange(family.Value.GetProperty("gguf").EnumerateObject().Select(file => new LogitsCase(
                family.Name,
                Path.Combine(Folder("models"), file.Name),
                document.RootElement.GetProperty("text").GetString()!,
                ids,
                file.Value.GetProperty("logit_std").GetSingle(),
                file.Value.GetProperty("llama_cpp_max_abs_diff_to_dequantised_f32").GetSingle())));
        }

        Assert.NotEmpty(cases);
        return cases;
    }

    /// <summary>One file with its reference logits, of the first, the middle and the last token.</summary>
    private sealed record LogitsCase(string Family, string Path, string Text, int[] Tokens, float Deviation, float LlamaDistance)
    {
        public float[] Expected(string implementation) => Read($"{System.IO.Path.GetFileNameWithoutExtension(Path)}.{implementation}.logits");

        public float[] Read(string name)
        {
            using SafetensorsFile file = SafetensorsFile.Open(SharedFiles.Require("goldens", "gguf", "logits.safetensors"));
            return file.ReadFloat32(name);
        }

        public float[] Logits(GgufModel gguf)
        {
            using Qwen3VLModel model = Qwen3VLModel.FromReader(gguf.Config, StoragePlan.For(WeightStorage.Fp32), gguf.ReadFloat32);
            return Logits(model);
        }

        public float[] Logits(Qwen3VLModel model)
        {
            float[] all = model.Logits(new(Tokens, [], []));
            int vocabulary = model.Config.Text.VocabularySize;
            return [.. ((int[])[0, Tokens.Length / 2, Tokens.Length - 1]).SelectMany(token => all[(token * vocabulary)..][..vocabulary])];
        }
    }
}
