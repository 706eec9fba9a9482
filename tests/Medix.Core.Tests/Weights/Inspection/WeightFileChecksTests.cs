using System.IO.Compression;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Weights.Inspection;

public sealed class WeightFileChecksTests : IDisposable
{
    private static readonly byte[] Pickle = [0x80, 2, (byte)'}', (byte)'q', 0, (byte)'.'];
    private readonly TempFolder folder = new();

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("pytorch_model-00001-of-00002.bin")]
    [InlineData("weights.pt")]
    [InlineData("weights.PTH")]
    [InlineData("weights.ckpt")]
    [InlineData("weights.pkl")]
    public void A_pickle_by_name_is_refused_alone_and_in_a_folder(string name)
    {
        File.WriteAllText(folder.File("config.json"), """{"architectures": ["Qwen3ForCausalLM"]}""");
        File.WriteAllText(folder.File(name), "of an old protocol");
        foreach (string place in (string[])[folder.Path, folder.File(name)])
        {
            string message = Assert.Throws<MedixException>(() => ModelInspector.Inspect(place)).Message;
            Assert.Contains(name, message, StringComparison.Ordinal);
            Assert.Contains("can run any code", message, StringComparison.Ordinal);
            Assert.Contains("safetensors", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_pickle_by_content_is_refused_whatever_its_name()
    {
        File.WriteAllBytes(folder.File("model.safetensors"), Pickle);
        Assert.Contains("opcode", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
        using (ZipArchive zip = ZipFile.Open(folder.File("a.bin"), ZipArchiveMode.Create))
        {
            zip.CreateEntry("archive/data.pkl");
        }

        Assert.Contains("archive/data.pkl", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.File("a.bin"))).Message, StringComparison.Ordinal);
        Assert.Equal(["a.bin", "model.safetensors"], WeightFileChecks.PicklesIn(folder.Path));
    }

    [Theory]
    [InlineData("model.weights")]
    [InlineData("model.dat")]
    [InlineData("weights")]
    [InlineData("model.safetensors.old")]
    public void A_pickle_under_an_unusual_name_is_found_by_its_content(string name)
    {
        File.WriteAllText(folder.File("config.json"), """{"architectures": ["Qwen3ForCausalLM"]}""");
        Assert.All(Pickles(), pickle =>
        {
            File.WriteAllBytes(folder.File(name), pickle);
            Assert.Equal([name], WeightFileChecks.PicklesIn(folder.Path));
            Assert.All((string[])[folder.Path, folder.File(name)], place =>
            {
                string message = Assert.Throws<MedixException>(() => ModelInspector.Inspect(place)).Message;
                Assert.Contains(name, message, StringComparison.Ordinal);
                Assert.Contains("can run any code", message, StringComparison.Ordinal);
            });
        });
        File.WriteAllBytes(folder.File(name), Zip("archive/data.pkl"));
        Assert.Contains("archive/data.pkl", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
        File.Delete(folder.File("config.json"));
        SafetensorsWriter.Write(folder.File("x.safetensors"), [TensorData.FromFloat32("a", [1], [1])]);
        string note = Assert.Single(ModelInspector.Inspect(folder.Path).Notes);
        Assert.Contains($"{name} (it is a zip with 'archive/data.pkl')", note, StringComparison.Ordinal);
        Assert.Empty(ModelInspector.Inspect(folder.File("x.safetensors")).Notes);
    }

    [Theory]
    [InlineData(2, "no opcode 00")]
    [InlineData(4, "\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff}.")]
    [InlineData(3, "}q")]
    [InlineData(5, "X\u0005\u0000\u0000\u0000hel")]
    [InlineData(2, ".")]
    [InlineData(6, "}q\u0000.")]
    public void Bytes_that_only_begin_as_a_pickle_are_none(byte protocol, string rest)
    {
        File.WriteAllBytes(folder.File("x.dat"), [0x80, protocol, .. System.Text.Encoding.Latin1.GetBytes(rest)]);
        Assert.Empty(WeightFileChecks.PicklesIn(folder.Path));
        File.WriteAllBytes(folder.File("x.dat"), [0x80, protocol, .. "}}}}"u8, .. new byte[2000]]);
        Assert.Empty(WeightFileChecks.PicklesIn(folder.Path));
    }

    [Fact]
    public void The_index_of_a_checkpoint_of_pickles_is_refused()
    {
        File.WriteAllText(folder.File("pytorch_model.bin.index.json"), "{}");
        MedixException error = Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.File("pytorch_model.bin.index.json")));
        Assert.Contains("can run any code", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_whose_length_begins_as_a_pickle_is_no_pickle()
    {
        // 0x0280 bytes of header: the file begins with 80 02.
        const int length = 0x280;
        string json = """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        File.WriteAllBytes(folder.File("x.safetensors"), [.. BitConverter.GetBytes((ulong)length), .. System.Text.Encoding.ASCII.GetBytes(json.PadRight(length)), 0, 0, 0, 0]);
        Assert.Null(WeightFileChecks.PickleSign(folder.File("x.safetensors")));
        Assert.Equal(1, ModelInspector.Inspect(folder.File("x.safetensors")).TensorCount);
    }

    [Fact]
    public void A_pickle_beside_safetensors_is_a_note()
    {
        TinyModel.Save(folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        File.WriteAllBytes(folder.File("pytorch_model.bin"), Pickle);
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Empty(report.Faults);
        Assert.Contains("pytorch_model.bin", Assert.Single(report.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Other_files_are_no_pickles()
    {
        using (ZipArchive zip = ZipFile.Open(folder.File("a.npz"), ZipArchiveMode.Create))
        {
            zip.CreateEntry("x.npy");
        }

        File.WriteAllText(folder.File("ggml.bin"), "lmgg");
        File.WriteAllBytes(folder.File("empty.bin"), []);
        File.WriteAllText(folder.File("torn.zip"), "PK\u0003\u0004");
        Assert.All((string[])["a.npz", "ggml.bin", "empty.bin", "torn.zip"], name => Assert.Null(WeightFileChecks.PickleSign(folder.File(name))));
    }

    [Fact]
    public void A_pointer_of_Git_LFS_says_what_to_run()
    {
        File.WriteAllText(folder.File("model.safetensors"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4255140312\n");
        Assert.Contains("git lfs pull", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>What Python writes for small objects and as the first of the old form of torch.save, for each protocol.</summary>
    private static byte[][] Pickles() =>
    [
        Pickle,
        [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.', 0x80, 2, (byte)'M', 0xe9, 3, (byte)'.'],
        [0x80, 3, .. "cposix\nsystem\nq\0X\u0002\0\0\0ls"u8, 0x85, (byte)'R', (byte)'.'],
        [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, (byte)'}', 0x94, 0x8c, 1, (byte)'a', 0x94, (byte)'K', 1, (byte)'s', (byte)'.'],
        [0x80, 5, (byte)'B', 0, 4, 0, 0, .. new byte[1024], 0x94, (byte)'.'],
    ];

    private static byte[] Zip(string entry)
    {
        using MemoryStream bytes = new();
        using (ZipArchive zip = new(bytes, ZipArchiveMode.Create))
        {
            zip.CreateEntry(entry);
        }

        return bytes.ToArray();
    }
}
