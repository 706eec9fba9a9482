using System.Buffers.Binary;
using System.Text.Json;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

/// <summary>Every model folder among the goldens opens, whichever way its configuration is spelled and its weights are stored.</summary>
[Trait("Category", "Parity")]
public sealed class CheckpointParityTests
{
    [Fact]
    public void Both_spellings_of_the_configuration_are_equal()
    {
        string[] folders = [.. ModelFolders().Where(folder => File.Exists(Path.Combine(folder, "config.v5.json")))];
        Assert.NotEmpty(folders);
        foreach (string folder in folders)
        {
            Qwen3VLConfig published = ModelConfigReader.Read(Path.Combine(folder, "config.json"));
            Qwen3VLConfig resaved = ModelConfigReader.Read(Path.Combine(folder, "config.v5.json"));
            Assert.Equal(Json(published), Json(resaved));
            Assert.True(published.Text.RopeTheta > 0);
        }
    }

    [Fact]
    public void Written_configuration_reads_back_equal()
    {
        foreach (string folder in ModelFolders())
        {
            Qwen3VLConfig config = ModelConfigReader.Read(Path.Combine(folder, "config.json")) with { EosTokenIds = [7, 9] };
            using TempFolder temp = new();
            string path = temp.File("config.json");
            ModelConfigWriter.Write(path, config, "float32");
            Assert.Equal(Json(config), Json(ModelConfigReader.Read(path)));
            Assert.Single(Directory.GetFiles(temp.Path));
        }
    }

    [Fact]
    public void Every_checkpoint_opens_with_all_its_tensors_expected()
    {
        int opened = 0;
        foreach (string folder in ModelFolders())
        {
            foreach (string file in Directory.GetFiles(folder, "model*.safetensors"))
            {
                using Checkpoint checkpoint = Checkpoint.Open(file);
                using SafetensorsFile raw = SafetensorsFile.Open(file);
                Assert.Equal(raw.Tensors.Count, checkpoint.Names.Count);
                Assert.Equal(checkpoint.Names.Order(), ModelTensors.Of(checkpoint.Config).Select(tensor => tensor.Name).Order());
                Assert.Equal(raw.Tensors.ContainsKey("lm_head.weight"), !checkpoint.Config.Text.TieWordEmbeddings);
                Assert.Null(checkpoint.FindNonFinite());
                opened++;
            }
        }

        Assert.True(opened > 0, "no model folder found");
    }

    [Fact]
    public void Sharded_weights_equal_the_single_file()
    {
        string[] folders = [.. ModelFolders().Where(folder => Directory.Exists(Path.Combine(folder, "sharded")))];
        Assert.NotEmpty(folders);
        foreach (string folder in folders)
        {
            using Checkpoint single = Checkpoint.Open(folder);
            using Checkpoint sharded = Checkpoint.Open(Path.Combine(folder, "sharded"));
            Assert.Equal(Json(single.Config), Json(sharded.Config));
            Assert.Equal(single.Names.Order(), sharded.Names.Order());
            Assert.All(single.Names, name => Assert.True(single.Bytes(name).SequenceEqual(sharded.Bytes(name)), name));
        }
    }

    [Fact]
    public void Rewriting_a_published_file_gives_the_same_bytes()
    {
        string[] files = Directory.GetFiles(SharedFiles.Require("goldens", "models"), "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        int exact = 0;
        foreach (string file in files)
        {
            using TempFolder temp = new();
            string copy = temp.File("copy.safetensors");
            using (SafetensorsFile source = SafetensorsFile.Open(file))
            {
                IEnumerable<TensorData> tensors = source.Tensors.Values.Select(t => new TensorData(t.Name, t.DType, t.Shape, source.Bytes(t.Name).ToArray()));
                SafetensorsWriter.Write(copy, [.. tensors], source.Metadata);
            }

            byte[] original = File.ReadAllBytes(file);
            byte[] written = File.ReadAllBytes(copy);
            bool described = original.AsSpan(0, 64).IndexOf("__metadata__"u8) >= 0;
            Assert.True(Part(original, described).SequenceEqual(Part(written, described)), file);
            exact += described ? 1 : 0;
        }

        Assert.True(exact > 0, "no file with metadata found");

        // A file saved without metadata gains the format entry, so only its data can be equal.
        static ReadOnlySpan<byte> Part(byte[] bytes, bool whole) => whole ? bytes : bytes.AsSpan(8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }

    private static IEnumerable<string> ModelFolders() => Directory
        .GetDirectories(SharedFiles.Require("goldens", "models"))
        .Where(folder => File.Exists(Path.Combine(folder, "config.json")))
        .Where(folder => !File.ReadAllText(Path.Combine(folder, "config.json")).Contains("\"BertModel\"", StringComparison.Ordinal));

    private static string Json(Qwen3VLConfig config) => JsonSerializer.Serialize(config);
}
