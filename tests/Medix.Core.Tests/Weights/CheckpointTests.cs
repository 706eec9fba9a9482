using System.Text.Json;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

/// <summary>Naming, tying and everything a model folder can get wrong.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.language_model.", "language_model.model.", "model.visual.", "visual.")]
    [InlineData("model.language_model.", "model.", "model.visual.", "visual.")]
    [InlineData("model.language_model.", "model.language_model.", "model.visual.", "model.visual.")]
    public void Prefixes_of_resaved_files_are_normalised(string text, string textFound, string vision, string visionFound)
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        List<TensorData> renamed = [.. tensors.Select(t => t with { Name = Found(t.Name) })];
        using Checkpoint checkpoint = Checkpoint.Open(TinyModel.Save(_folder, TinyModel.Config, renamed));
        Assert.Equal(tensors.Select(t => t.Name).Order(), checkpoint.Names.Order());
        Assert.All(tensors, t => Assert.True(checkpoint.Bytes(t.Name).SequenceEqual(t.Bytes.Span)));
        Assert.Equal(tensors[0].Name, checkpoint.Info(tensors[0].Name).Name);

        string Found(string name) =>
            name.Replace(text, textFound, StringComparison.Ordinal).Replace(vision, visionFound, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_file_decides_whether_the_head_is_tied(bool flag)
    {
        Qwen3VLConfig untied = TinyModel.Config with { Text = TinyModel.Config.Text with { TieWordEmbeddings = false } };
        Qwen3VLConfig flagged = TinyModel.Config with { Text = TinyModel.Config.Text with { TieWordEmbeddings = flag } };
        using (Checkpoint with = Checkpoint.Open(TinyModel.Save(_folder, flagged, TinyModel.Tensors(untied))))
        {
            Assert.False(with.Config.Text.TieWordEmbeddings);
        }

        using Checkpoint without = Checkpoint.Open(TinyModel.Save(_folder, flagged, TinyModel.Tensors(TinyModel.Config)));
        Assert.True(without.Config.Text.TieWordEmbeddings);
    }

    [Fact]
    public void Every_missing_tensor_is_named()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        foreach (TensorData missing in tensors)
        {
            Refused([.. tensors.Where(t => t != missing)], missing.Name);
        }
    }

    [Fact]
    public void A_wrong_shape_is_named_with_both_shapes()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        int at = tensors.FindIndex(t => t.Name.EndsWith("layers.1.mlp.down_proj.weight", StringComparison.Ordinal));
        tensors[at] = tensors[at] with { Shape = [24, 16] };
        Refused(tensors, tensors[at].Name, "[24, 16]", "[16, 24]");
    }

    [Fact]
    public void A_wrong_type_and_a_tensor_under_two_names_are_refused()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        Refused([.. tensors[1..], tensors[0] with { DType = "I32" }], tensors[0].Name, "I32");
        Refused([.. tensors, tensors[0] with { Name = tensors[0].Name["model.".Length..] }], tensors[0].Name);
    }

    [Fact]
    public void A_weight_that_is_not_finite_is_named_with_its_index()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        int at = tensors.FindIndex(t => t.Name.EndsWith("layers.0.self_attn.q_proj.weight", StringComparison.Ordinal));
        float[] values = new float[16 * 16];
        values[201] = float.NaN;
        tensors[at] = TensorData.FromFloat32(tensors[at].Name, [16, 16], values);
        using Checkpoint checkpoint = Checkpoint.Open(TinyModel.Save(_folder, TinyModel.Config, tensors));
        string message = Assert.Throws<MedixException>(checkpoint.RequireFinite).Message;
        Assert.Contains(tensors[at].Name, message, StringComparison.Ordinal);
        Assert.Contains("NaN at index 201", message, StringComparison.Ordinal);
        Assert.Equal(201, checkpoint.FindNonFinite()?.Index);
    }

    [Fact]
    public void Finite_weights_pass()
    {
        using Checkpoint checkpoint = Checkpoint.Open(TinyModel.Save(_folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)));
        checkpoint.RequireFinite();
        Assert.True(checkpoint.Contains("model.visual.pos_embed.weight"));
        Assert.Throws<MedixException>(() => checkpoint.ReadFloat32("model.none"));
    }

    [Fact]
    public void Shards_and_index_must_agree()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        TinyModel.Save(_folder, TinyModel.Config, tensors);
        File.Delete(_folder.File("model.safetensors"));
        Assert.Contains("neither", Assert.Throws<MedixException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);

        SafetensorsWriter.Write(_folder.File("one.safetensors"), tensors[..5]);
        SafetensorsWriter.Write(_folder.File("two.safetensors"), tensors[5..]);
        WriteIndex(i => i < 5 ? "one.safetensors" : "two.safetensors");
        using (Checkpoint checkpoint = Checkpoint.Open(_folder.Path))
        {
            Assert.Equal(tensors.Count, checkpoint.Names.Count);
        }

        WriteIndex(i => i < 6 ? "one.safetensors" : "two.safetensors");
        Assert.Contains(tensors[5].Name, Assert.Throws<MedixException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(_folder.File("sub"));
        File.Copy(_folder.File("two.safetensors"), _folder.File("sub/two.safetensors"));
        WriteIndex(i => i < 5 ? "one.safetensors" : "sub/two.safetensors");
        Assert.Throws<MedixException>(() => Checkpoint.Open(_folder.Path));
        WriteIndex(i => i < 5 ? "one.safetensors" : "two.safetensors");
        File.Delete(_folder.File("two.safetensors"));
        Assert.Contains("'two.safetensors'", Assert.Throws<MedixException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);

        void WriteIndex(Func<int, string> shard) => File.WriteAllText(
            _folder.File("model.safetensors.index.json"),
            JsonSerializer.Serialize(new { weight_map = tensors.Index().ToDictionary(t => t.Item.Name, t => shard(t.Index)) }));
    }

    private void Refused(IReadOnlyList<TensorData> tensors, params string[] naming)
    {
        TinyModel.Save(_folder, TinyModel.Config, tensors);
        string message = Assert.Throws<MedixException>(() => Checkpoint.Open(_folder.Path)).Message;
        Assert.All(naming, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }
}
