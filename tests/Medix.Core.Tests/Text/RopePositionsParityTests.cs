using Medix.Imaging;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;

namespace Medix.Core.Tests.Text;

[Trait("Category", "Parity")]
public class RopePositionsParityTests
{
    [Fact]
    public void Every_model_case_has_the_positions_of_the_reference()
    {
        int cases = 0;
        foreach (string path in Directory.EnumerateFiles(SharedFiles.Require("goldens", "models"), "case-*.safetensors", SearchOption.AllDirectories))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            if (file.Tensors.ContainsKey("position_ids"))
            {
                Check(file, ModelConfigReader.Read(Path.Combine(Path.GetDirectoryName(path)!, "config.json")), path);
                cases++;
            }
        }

        Assert.True(cases > 0, "No case with positions was found.");
    }

    private static void Check(SafetensorsFile file, Qwen3VLConfig config, string path)
    {
        int rows = (int)file.Tensors["input_ids"].Shape[0], length = (int)file.Tensors["input_ids"].Shape[1];
        long[] tokens = file.ReadInt64("input_ids"), mask = file.ReadInt64("attention_mask"), expected = file.ReadInt64("position_ids");
        long[] sizes = file.Tensors.ContainsKey("image_grid_thw") ? file.ReadInt64("image_grid_thw") : [];
        Queue<ImageGrid> grids = new(sizes.Chunk(3).Select(grid => new ImageGrid((int)grid[0], (int)grid[1], (int)grid[2])));
        for (int row = 0; row < rows; row++)
        {
            int[] places = [.. Enumerable.Range(0, length).Where(i => mask[(row * length) + i] == 1)];
            int[] kept = [.. places.Select(i => (int)tokens[(row * length) + i])];
            RopeIndex index = RopePositions.Compute(kept, TakeGrids(kept, grids, config), config);
            foreach ((int axis, int[] actual) in ((int, int[])[])[(0, index.T), (1, index.H), (2, index.W)])
            {
                Assert.Equal(places.Select(i => expected[(((axis * rows) + row) * length) + i]), actual.Select(value => (long)value));
            }

            Assert.True(file.ReadInt64("rope_deltas")[row] == index.Delta, $"{path}, row {row}");
        }

        Assert.Empty(grids);
    }

    private static List<ImageGrid> TakeGrids(int[] tokens, Queue<ImageGrid> grids, Qwen3VLConfig config)
    {
        List<ImageGrid> taken = [];
        for (int left = tokens.Count(token => token == config.ImageTokenId); left > 0; left -= ImagePlaceholders.TokensOf(taken[^1], config.Vision!))
        {
            taken.Add(grids.Dequeue());
        }

        return taken;
    }
}
