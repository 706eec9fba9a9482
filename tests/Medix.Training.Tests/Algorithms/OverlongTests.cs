using Medix.Training.Algorithms;
using Medix.Training.Tests.Losses;

namespace Medix.Training.Tests.Algorithms;

public class OverlongTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Every_row_agrees() => RlGolden.Run("overlong", (_, c) =>
    {
        SoftOverlongPenalty penalty = new(c.GetProperty("max_length").GetInt32(), c.GetProperty("buffer").GetInt32());
        int[] lengths = [.. c.GetProperty("lengths").EnumerateArray().Select(l => l.GetInt32())];
        double[] expected = [.. c.GetProperty("penalty").EnumerateArray().Select(RlGolden.Number)];
        RlGolden.Close(expected, [.. lengths.Select(penalty.Of)], "penalty");
    });

    [Theory]
    [InlineData(3072, 0.0)]
    [InlineData(3073, -0.0009765625)]
    [InlineData(3584, -0.5)]
    [InlineData(4096, -1.0)]
    [InlineData(4097, -1.0)]
    public void Grows_over_the_buffer(int length, double penalty) => Assert.Equal(penalty, new SoftOverlongPenalty(4096, 1024).Of(length));
}
