using Medix.Imaging;
using Medix.Text;
using Medix.Weights;

namespace Medix.Core.Tests.Text;

public class RopePositionsTests
{
    private const int Image = 90;

    private static readonly Qwen3VLConfig Config = new(
        "Qwen3VLForConditionalGeneration",
        new TextConfig(100, 8, 1, 1, 1, 8, 8, 1e-6, 10000, [2, 1, 1], 100, true),
        new VisionConfig(1, 8, 1, 8, 8, 16, 2, 2, 3, 16, []),
        Image, 91, 92, 93, [94]);

    [Fact]
    public void An_image_of_2_by_3_between_texts_has_the_published_positions()
    {
        RopeIndex index = RopePositions.Compute([1, 2, 3, 92, .. Enumerable.Repeat(Image, 6), 93, 4, 5], [new ImageGrid(1, 4, 6)], Config);
        Assert.Equal([0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 7, 8, 9], index.T);
        Assert.Equal([0, 1, 2, 3, 4, 4, 4, 5, 5, 5, 7, 8, 9], index.H);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9], index.W);
        Assert.Equal(-3, index.Delta);
    }

    [Fact]
    public void Text_alone_counts_up_on_all_axes()
    {
        RopeIndex index = RopePositions.Compute([5, 6, 7], [], Config);
        Assert.Equal([0, 1, 2], index.T);
        Assert.Equal(index.T, index.H);
        Assert.Equal(index.T, index.W);
        Assert.Equal(0, index.Delta);
    }

    [Fact]
    public void Two_images_side_by_side_are_told_apart_by_their_grids()
    {
        RopeIndex index = RopePositions.Compute([Image, Image, Image], [new ImageGrid(1, 2, 2), new ImageGrid(1, 4, 2)], Config);
        Assert.Equal([0, 1, 1], index.T);
        Assert.Equal([0, 1, 2], index.H);
        Assert.Equal([0, 1, 1], index.W);
        Assert.Equal(0, index.Delta);
    }

    [Fact]
    public void Without_a_vision_tower_every_token_is_text()
    {
        RopeIndex index = RopePositions.Compute([Image, Image], [], Config with { Vision = null });
        Assert.Equal([0, 1], index.W);
    }

    [Theory]
    [InlineData(1, 4, 6, 5)]
    [InlineData(1, 4, 6, 7)]
    [InlineData(1, 3, 2, 1)]
    [InlineData(2, 4, 6, 6)]
    public void Placeholders_that_do_not_fit_the_grids_are_refused(int t, int h, int w, int placeholders)
    {
        int[] tokens = [1, .. Enumerable.Repeat(Image, placeholders), 2];
        Assert.Throws<ArgumentException>(() => RopePositions.Compute(tokens, [new ImageGrid(t, h, w)], Config));
    }

    [Fact]
    public void A_grid_without_placeholders_is_refused() =>
        Assert.Throws<ArgumentException>(() => RopePositions.Compute([1, 2], [new ImageGrid(1, 2, 2)], Config));
}
