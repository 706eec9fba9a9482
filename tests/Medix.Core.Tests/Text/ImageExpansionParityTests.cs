using System.Text.Json;
using Medix.Imaging;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;
using static Medix.Core.Tests.Text.TokenizerGoldens;

namespace Medix.Core.Tests.Text;

[Trait("Category", "Parity")]
public class ImageExpansionParityTests(QwenTokenizer qwen) : IClassFixture<QwenTokenizer>
{
    [Fact]
    public void Placeholders_expand_to_the_ids_of_the_reference() => CheckAll(Rows("image_expansion.jsonl"), row =>
    {
        Qwen3VLConfig config = TestModels.RealConfig();
        ImageGrid[] grids = [.. row.GetProperty("image_hw").EnumerateArray().Select(Grid)];
        int[] tokens = qwen.Tokenizer.Encode(row.Text("text"));
        if (row.TryGetProperty("error", out _))
        {
            return Assert.Throws<MedixException>(() => ImagePlaceholders.Expand(tokens, grids, config)) is null ? "no error" : null;
        }

        int[] expanded = ImagePlaceholders.Expand(tokens, grids, config);
        return Compare("grids", row.GetProperty("image_grid_thw").EnumerateArray().SelectMany(Ints), grids.SelectMany(grid => (int[])[grid.T, grid.H, grid.W]))
            ?? Compare("tokens per image", row.Ints("tokens_per_image"), grids.Select(grid => ImagePlaceholders.TokensOf(grid, config.Vision!)))
            ?? Compare("ids", row.Ints("ids"), expanded)
            ?? Compare("text", row.Text("expanded_text"), qwen.Tokenizer.Decode(expanded, skipSpecial: false))
            ?? Compare("kinds", row.Ints("mm_token_type_ids"), expanded.Select(id => id == config.ImageTokenId ? 1 : 0));
    });

    private static ImageGrid Grid(JsonElement size)
    {
        int[] sides = [.. Ints(size)];
        return TestModels.Processor(32 * 32).GridFor(width: sides[1], height: sides[0]);
    }

    private static IEnumerable<int> Ints(JsonElement list) => list.EnumerateArray().Select(value => value.GetInt32());
}
