using System.Security.Cryptography;
using System.Text;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

public sealed class WeightsIdentityTests
{
    [Fact]
    public void One_file_is_its_own_hash()
    {
        using TempFolder folder = new();
        string model = TinyModel.Save(folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        WeightsIdentity identity = WeightsIdentity.Of(model);
        byte[] bytes = File.ReadAllBytes(folder.File("model.safetensors"));
        Assert.Equal(Hash(bytes), identity.Sha256);
        Assert.Equal([new WeightsFile("model.safetensors", bytes.Length, Hash(bytes))], identity.Files);
    }

    [Fact]
    public void Of_shards_every_one_counts()
    {
        using TempFolder folder = new();
        using TempFolder whole = new();
        WriteShards(folder, whole);
        WeightsIdentity before = WeightsIdentity.Of(folder.Path);
        string[] names = [.. Directory.GetFiles(folder.Path, "model*").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        Assert.True(names.Length > 3, "shards and an index");
        Assert.Equal(names, before.Files.Select(file => file.Name));
        string sums = string.Concat(names.Select(name => $"{Hash(File.ReadAllBytes(folder.File(name)))}  {name}\n")); // what sha256sum prints
        Assert.Equal(Hash(Encoding.UTF8.GetBytes(sums)), before.Sha256);
        foreach (string name in names.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            byte[] bytes = File.ReadAllBytes(folder.File(name)), changed = [.. bytes];
            changed[^1] ^= 1;
            File.WriteAllBytes(folder.File(name), changed);
            Assert.NotEqual(before.Sha256, WeightsIdentity.Of(folder.Path).Sha256);
            File.WriteAllBytes(folder.File(name), bytes);
        }

        Assert.Equal(before.Sha256, WeightsIdentity.Of(folder.Path).Sha256);
        File.WriteAllText(folder.File("model.safetensors.other"), "beside"); // no part of the weights
        Assert.Equal(before.Sha256, WeightsIdentity.Of(folder.Path).Sha256);
    }

    [Fact]
    public void A_missing_shard_and_missing_weights_are_said_so()
    {
        using TempFolder folder = new();
        using TempFolder whole = new();
        Assert.Contains("neither", Assert.Throws<MedixException>(() => WeightsIdentity.Of(folder.Path)).Message, StringComparison.Ordinal);
        WriteShards(folder, whole);
        string shard = Directory.GetFiles(folder.Path, "model-*").Order(StringComparer.Ordinal).First();
        File.Delete(shard);
        Assert.Contains(Path.GetFileName(shard), Assert.Throws<MedixException>(() => WeightsIdentity.Of(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("model.safetensors.index.json"), """{"weight_map": {"x": "../model.safetensors"}}""");
        Assert.Contains("not in the folder", Assert.Throws<MedixException>(() => WeightsIdentity.Of(folder.Path)).Message, StringComparison.Ordinal);
    }

    private static void WriteShards(TempFolder folder, TempFolder whole)
    {
        using Checkpoint source = Checkpoint.Open(TinyModel.Save(whole, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)));
        IEnumerable<StreamedTensor> tensors = TinyModel.Tensors(TinyModel.Config)
            .Select(tensor => new StreamedTensor(tensor.Name, tensor.DType, tensor.Shape, stream => stream.Write(tensor.Bytes.Span)));
        CheckpointWriter.Write(folder.Path, [.. tensors], new CheckpointOptions(3000));
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
