using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights;

namespace Medix.Inference.Tests;

public unsafe class AlignedMemoryTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(100, 64, 0, 3)]
    [InlineData(1_000_001, 7, 5_000_000, 128, 1)]
    public void Parts_are_zeroed_aligned_and_their_own_and_outlive_each_other(params int[] sizes)
    {
        AlignedMemory[] parts = AlignedMemory.Parts([.. sizes.Select(size => (long)size)]);
        Assert.Equal(sizes.Select(size => (long)size), parts.Select(part => part.Length));
        for (int i = 0; i < sizes.Length; i++)
        {
            Assert.False(parts[i].IsReadOnly);
            Assert.Equal(0, (nint)parts[i].Bytes % 64);
            Span<byte> part = new(parts[i].Bytes, sizes[i]);
            Assert.Equal(-1, part.IndexOfAnyExcept((byte)0));
            part.Fill((byte)(i + 1));
        }

        for (int i = 0; i < sizes.Length; i++)
        {
            Assert.Equal(-1, new Span<byte>(parts[i].Bytes, sizes[i]).IndexOfAnyExcept((byte)(i + 1)));
            parts[i].Dispose();
            parts[i].Dispose();
            Assert.Equal(0, (nint)parts[i].Bytes);
        }
    }

    [Theory]
    [InlineData(WeightStorage.Bf16)]
    [InlineData(WeightStorage.Q4)]
    public void A_models_matrices_lie_side_by_side(WeightStorage storage)
    {
        TextConfig sparse = RandomModels.Seeing.Text with { Experts = 5, ExpertsPerToken = 2, ExpertIntermediate = 24, DenseLayers = [1] };
        using Qwen3VLModel model = RandomModels.Create(1, RandomModels.Seeing with { Vision = null, Text = sparse }, storage: storage);
        PackedMatrix[] text = [.. model.Memory.Parts.Select(part => part.Matrix).OfType<PackedMatrix>()];
        Assert.NotEmpty(text);
        Assert.All(text.Zip(text.Skip(1)), pair => Assert.Equal((pair.First.Bytes + 63) / 64 * 64, pair.Second.Memory.Bytes - pair.First.Memory.Bytes));
    }
}
