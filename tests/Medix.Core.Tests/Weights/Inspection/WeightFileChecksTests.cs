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
        Assert.Equal(["a.bin"], WeightFileChecks.PicklesIn(folder.Path));
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
}
