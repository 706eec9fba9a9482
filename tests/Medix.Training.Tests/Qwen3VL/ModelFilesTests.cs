using Medix.Inference.Kernels;
using Medix.Runs;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;

namespace Medix.Training.Tests.Qwen3VL;

public sealed class ModelFilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-model-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_saved_model_is_read_back_bit_for_bit(bool vision)
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining model = TinyModels.Create(vision ? TinyModels.Vision : TinyModels.Text);
        model.Save(folder);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        using Qwen3VLForTraining read = Qwen3VLForTraining.Load(checkpoint);
        Assert.Equal(model.Store.ValueSpan, read.Store.ValueSpan);
        Assert.Equal(model.Config.Text.Layers, read.Config.Text.Layers);
        Assert.Equal(model.Config.Vision?.DeepstackIndexes, read.Config.Vision?.DeepstackIndexes);
        Assert.Empty(Directory.GetFiles(folder, "*.partial"));
    }

    [Fact]
    public void Text_only_files_carry_the_published_names()
    {
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Text);
        model.Save(folder);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        Assert.Contains("model.layers.0.self_attn.q_proj.weight", file.Tensors.Keys);
        Assert.DoesNotContain("lm_head.weight", file.Tensors.Keys);
    }

    [Fact]
    public void Bfloat16_rounds_to_nearest_even()
    {
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Text);
        model.Store.ValueSpan[0] = BitConverter.UInt32BitsToSingle(0x3f80_8000);
        model.Store.ValueSpan[1] = BitConverter.UInt32BitsToSingle(0x3f81_8000);
        model.Save(folder, WeightStorage.Bf16);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        NamedParameter first = model.Parameters.Single(parameter => parameter.Offset == 0);
        float[] read = checkpoint.ReadFloat32(first.Name);
        Assert.Equal(0x3f80_0000u, BitConverter.SingleToUInt32Bits(read[0]));
        Assert.Equal(0x3f82_0000u, BitConverter.SingleToUInt32Bits(read[1]));
        Assert.Equal("BF16", checkpoint.Info(first.Name).DType);
    }

    [Fact]
    public void The_same_seed_gives_the_same_model_and_another_seed_another()
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining a = Qwen3VLForTraining.Create(TinyModels.Vision, 1);
        using Qwen3VLForTraining b = Qwen3VLForTraining.Create(TinyModels.Vision, 1);
        using Qwen3VLForTraining c = Qwen3VLForTraining.Create(TinyModels.Vision, 2);
        Assert.Equal(a.Store.ValueSpan, b.Store.ValueSpan);
        Assert.NotEqual(a.Store.ValueSpan.ToArray(), c.Store.ValueSpan.ToArray());
    }

    [Fact]
    public void Export_gives_every_parameter_once()
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Vision);
        Dictionary<string, int> seen = [];
        model.Export((name, values) => seen.Add(name, values.Length));
        Assert.Equal(ModelTensors.Of(model.Config).Select(tensor => tensor.Name).Order(), seen.Keys.Order());
    }

    [Fact]
    public void A_weight_that_is_not_a_number_is_refused()
    {
        using TensorLeaks leaks = new();
        using Qwen3VLForTraining model = TinyModels.Create(TinyModels.Text);
        model.Store.ValueSpan[3] = float.NaN;
        model.Save(folder);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        MedixException error = Assert.Throws<MedixException>(() => Qwen3VLForTraining.Load(checkpoint));
        Assert.Contains("index 3", error.Message, StringComparison.Ordinal);
    }
}
