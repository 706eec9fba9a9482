using Medix.Inference.Kernels;

namespace Medix.Inference.Tests;

public unsafe class AlignedMemoryTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 100)]
    [InlineData(5, 1_000_001)]
    public void Parts_are_zeroed_aligned_and_their_own_and_outlive_each_other(int count, int bytes)
    {
        AlignedMemory[] parts = AlignedMemory.Parts(count, bytes);
        Assert.Equal(count, parts.Length);
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(bytes, parts[i].Length);
            Assert.False(parts[i].IsReadOnly);
            Assert.Equal(0, (nint)parts[i].Bytes % 64);
            Span<byte> part = new(parts[i].Bytes, bytes);
            Assert.Equal(-1, part.IndexOfAnyExcept((byte)0));
            part.Fill((byte)(i + 1));
        }

        for (int i = 0; i < count; i++)
        {
            Assert.Equal(-1, new Span<byte>(parts[i].Bytes, bytes).IndexOfAnyExcept((byte)(i + 1)));
            parts[i].Dispose();
            parts[i].Dispose();
            Assert.Equal(0, (nint)parts[i].Bytes);
        }
    }
}
