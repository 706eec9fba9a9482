using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text.Json;
using Medix.Imaging;
using Medix.Runs;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Core.Tests.Imaging;

/// <summary>Sizes, resized bytes, patches and filter weights against what torch and transformers return, bit for bit.</summary>
[Trait("Category", "Parity")]
public sealed class ImageProcessorParityTests(ITestOutputHelper output)
{
    [Fact]
    public void Smart_resize_gives_every_size_and_refuses_what_the_reference_refuses()
    {
        int rows = 0;
        foreach (JsonElement row in Rows("smart_resize.jsonl"))
        {
            ImageSize Compute() => SmartResize.Compute(
                Int(row, "width"), Int(row, "height"), Int(row, "factor"), row.GetProperty("min_pixels").GetInt64(), row.GetProperty("max_pixels").GetInt64());
            if (row.TryGetProperty("error", out _))
            {
                Assert.Throws<MedixException>(() => Compute());
            }
            else
            {
                ImageSize size = Compute();
                Assert.Equal(Ints(row.GetProperty("result")), new[] { size.Height, size.Width });
            }

            rows++;
        }

        Assert.True(rows > 0, "no rows found");
    }

    [Fact]
    public void Every_picture_at_every_limit_is_resized_and_cut_as_torch_does()
    {
        Dictionary<string, ImageProcessorOptions> options = Configurations();
        int compared = 0;
        foreach (JsonElement row in Rows("cases.jsonl"))
        {
            RgbImage? picture = ReferenceInput(row);
            foreach (JsonProperty run in row.GetProperty("runs").EnumerateObject())
            {
                ImageProcessor processor = new(options[run.Name]);
                int[] source = Ints(row.GetProperty("rgb").GetProperty("as_object").GetProperty("hw"));
                if (run.Value.TryGetProperty("error", out _))
                {
                    Assert.Throws<MedixException>(() => processor.GridFor(source[1], source[0]));
                    continue;
                }

                ImageGrid grid = processor.GridFor(source[1], source[0]);
                Assert.Equal(Ints(run.Value.GetProperty("image_grid_thw")[0]), new[] { grid.T, grid.H, grid.W });
                if (picture is null)
                {
                    output.WriteLine($"{row.GetProperty("name")} {run.Name}: only the grid was compared, the decoded bytes differ and none are stored");
                    continue;
                }

                RgbImage resized = processor.Resize(picture);
                Assert.Equal(Ints(run.Value.GetProperty("resized_hw")), new[] { resized.Height, resized.Width });
                ProcessedImage processed = processor.Process(picture);
                Assert.Equal(grid, processed.Grid);
                JsonElement sums = run.Value.GetProperty("sha256");
                string what = $"{row.GetProperty("name")} {run.Name}";
                Assert.True(sums.GetProperty("torch.resized_rgb").GetString() == Hash(resized.Pixels), $"{what}: resized bytes differ");
                ReadOnlySpan<byte> patches = MemoryMarshal.AsBytes(processed.Patches.AsSpan());
                Assert.True(sums.GetProperty("torch.pixel_values").GetString() == Hash(patches), $"{what}: patches differ");
                compared++;
            }
        }

        output.WriteLine($"{compared} runs equal bit for bit");
        Assert.True(compared > 0, "no case found");
    }

    [Fact]
    public void Stored_tensors_are_reproduced_exactly()
    {
        Dictionary<string, ImageProcessorOptions> options = Configurations();
        int compared = 0;
        foreach (string name in options.Keys.Where(key => key.EndsWith(".small", StringComparison.Ordinal)))
        {
            foreach (string path in Directory.GetFiles(Golden(name[..^".small".Length]), "*.safetensors"))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                if (!file.Tensors.ContainsKey("object.rgb_input"))
                {
                    continue;
                }

                ProcessedImage processed = new ImageProcessor(options[name]).Process(Picture(file, "object.rgb_input"));
                Assert.Equal(file.ReadInt64("image_grid_thw"), new long[] { processed.Grid.T, processed.Grid.H, processed.Grid.W });
                Assert.Equal(file.Tensors["torch.pixel_values"].Shape[0], processed.Grid.Patches);
                Assert.Equal(file.ReadFloat32("torch.pixel_values"), processed.Patches);
                compared++;
            }
        }

        Assert.True(compared > 0, "no stored tensors found");
    }

    [Fact]
    public void Filter_weights_and_the_picture_between_the_passes_are_equal()
    {
        string[] files = Directory.GetFiles(Golden("stages"), "*.safetensors");
        Assert.NotEmpty(files);
        foreach (string path in files)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            RgbImage input = Picture(file, "1.rgb_input");
            RgbImage resized = Picture(file, "3.torch.resized_rgb");
            CompareWeights(file, "width", BicubicWeights.Create(input.Width, resized.Width));
            CompareWeights(file, "height", BicubicWeights.Create(input.Height, resized.Height));
            byte[] between = Picture(file, "2.torch.after_first_pass").Pixels;
            Assert.Equal(between, BicubicResize.ResizeWidth(input.Pixels, input.Width, input.Height, resized.Width, paired: false));
            Assert.Equal(between, BicubicResize.ResizeWidth(input.Pixels, input.Width, input.Height, resized.Width, Sse2.IsSupported));
            Assert.Equal(resized.Pixels, BicubicResize.Resize(input, new ImageSize(resized.Width, resized.Height)).Pixels);
        }
    }

    private static void CompareWeights(SafetensorsFile file, string axis, BicubicWeights weights)
    {
        Assert.Equal(file.ReadInt64($"weights.{axis}.start"), weights.Starts.Select(value => (long)value));
        Assert.Equal(file.ReadInt64($"weights.{axis}.count"), weights.Counts.Select(value => (long)value));
        Assert.Equal(file.ReadInt64($"weights.{axis}.torch_bits"), new[] { (long)weights.Bits });
        ReadOnlySpan<short> expected = MemoryMarshal.Cast<byte, short>(file.Bytes($"weights.{axis}.weight_torch_q"));
        int stride = (int)file.Tensors[$"weights.{axis}.weight_torch_q"].Shape[1];
        for (int i = 0; i < weights.Starts.Length; i++)
        {
            for (int j = 0; j < weights.Counts[i]; j++)
            {
                Assert.Equal(expected[(i * stride) + j], weights.WeightsOf(i)[j]);
            }
        }
    }

    /// <summary>Our decoding where it gives the reference's bytes, else the stored bytes, else null; says which.</summary>
    private RgbImage? ReferenceInput(JsonElement row)
    {
        string name = row.GetProperty("name").GetString()!;
        string file = row.GetProperty("file").GetString()!;
        string path = file.StartsWith("data/", StringComparison.Ordinal) ? SharedFiles.Require(file.Split('/')) : Golden(file);
        RgbImage decoded = ImageDecoding.Decode(File.ReadAllBytes(path), name, new ImageLimits());
        string expected = row.GetProperty("rgb").GetProperty("as_object").GetProperty("sha256").GetString()!;
        if (Hash(decoded.Pixels) == expected)
        {
            return decoded;
        }

        // Ours is upright, as the reference is when it is given a file name.
        string upright = row.GetProperty("rgb").GetProperty("as_path").GetProperty("sha256").GetString()!;
        if (row.GetProperty("exif_orientation").ValueKind == JsonValueKind.Number && Hash(decoded.Pixels) == upright)
        {
            output.WriteLine($"{name}: decoded upright, equal to the reference's own upright reading; its stored bytes used");
        }

        string stored = Golden("qwen3vl", name + ".safetensors");
        using SafetensorsFile? tensors = File.Exists(stored) ? SafetensorsFile.Open(stored) : null;
        RgbImage? input = tensors?.Tensors.ContainsKey("object.rgb_input") == true ? Picture(tensors, "object.rgb_input") : null;
        output.WriteLine($"{name}: decoded bytes differ from the reference's ({Difference(decoded, input)}); {(input is null ? "none" : "its own")} used");
        bool mayDiffer = row.GetProperty("format").GetString() == "JPEG" || row.GetProperty("pil_mode").GetString() == "I;16";
        Assert.True(mayDiffer, $"{name}: a lossless picture decodes to other bytes");
        return input;
    }

    private static string Difference(RgbImage ours, RgbImage? theirs)
    {
        if (theirs is null || ours.Width != theirs.Width || ours.Height != theirs.Height)
        {
            return $"{ours.Width}x{ours.Height} against {theirs?.Width}x{theirs?.Height}";
        }

        int[] differences = [.. ours.Pixels.Zip(theirs.Pixels, (a, b) => Math.Abs(a - b))];
        return $"at most {differences.Max()}, mean {differences.Average():0.000}";
    }

    private static Dictionary<string, ImageProcessorOptions> Configurations()
    {
        Dictionary<string, ImageProcessorOptions> all = [];
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Golden("configs.json")));
        foreach (JsonProperty config in document.RootElement.EnumerateObject())
        {
            foreach (string limits in (string[])["small", "default"])
            {
                all[$"{config.Name}.{limits}"] = new ImageProcessorOptions(
                    Int(config.Value, "patch_size"), Int(config.Value, "temporal_patch_size"), Int(config.Value, "merge_size"),
                    Int(config.Value, $"{limits}_min_pixels"), Int(config.Value, $"{limits}_max_pixels"),
                    Doubles(config.Value.GetProperty("image_mean")), Doubles(config.Value.GetProperty("image_std")));
            }
        }

        return all;
    }

    private static RgbImage Picture(SafetensorsFile file, string name)
    {
        long[] shape = file.Tensors[name].Shape;
        return new RgbImage((int)shape[1], (int)shape[0], file.Bytes(name).ToArray());
    }

    private static IEnumerable<JsonElement> Rows(string file)
    {
        foreach (string line in File.ReadLines(Golden(file)))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }

    private static string Golden(params string[] parts) => SharedFiles.Require(["goldens", "image-processor", .. parts]);

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static int Int(JsonElement row, string name) => row.GetProperty(name).GetInt32();

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetInt32())];

    private static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetDouble())];
}
