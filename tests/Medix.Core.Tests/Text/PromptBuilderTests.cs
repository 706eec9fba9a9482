using Medix.Imaging;
using Medix.Runs;
using Medix.Text;

namespace Medix.Core.Tests.Text;

public class PromptBuilderTests
{
    private static readonly Tokenizer Tokenizer = SmallTokenizer.Instance;
    private static readonly ImageProcessor Processor = TestModels.Processor(32 * 32);
    private static readonly int ImagePad = Tokenizer.TryGetId("<|image_pad|>", out int id) ? id : -1;
    private static readonly PromptBuilder Builder = new(Tokenizer, Processor, TestModels.Config(400, ImagePad));

    private static readonly PromptMessage[] TwoImages = [new("user", [new ImagePart(), new TextPart("and <|image_pad|>"), new ImagePart()])];

    [Fact]
    public void Images_become_placeholders_patches_and_grids_in_order()
    {
        RgbImage wide = Picture(64, 32, 10), tall = Picture(32, 96, 200);
        ModelInput input = Builder.Build(TwoImages, [wide, tall]);
        Assert.Equal([new ImageGrid(1, 2, 4), new ImageGrid(1, 6, 2)], input.Grids);
        Assert.Equal(2 + 3, input.Tokens.Count(token => token == ImagePad));
        Assert.Equal([.. Processor.Process(wide).Patches, .. Processor.Process(tall).Patches], input.Patches);
        Assert.EndsWith("<|im_end|>\n<|im_start|>assistant\n", Tokenizer.Decode(input.Tokens, skipSpecial: false), StringComparison.Ordinal);
        Assert.Equal(input.Tokens.Length, Builder.CountTokens(TwoImages, [new ImageSize(64, 32), new ImageSize(32, 96)]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_wrong_number_of_images_is_refused_with_both_numbers(int images)
    {
        RgbImage[] pictures = [.. Enumerable.Repeat(Picture(32, 32, 0), images)];
        string fault = Assert.Throws<MedixException>(() => Builder.Build(TwoImages, pictures)).Message;
        Assert.Contains($"places for 2 images, but {images} images", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_alone_has_no_patches()
    {
        ModelInput input = Builder.Build([PromptMessage.FromText("user", "Where?")], []);
        Assert.Empty(input.Patches);
        Assert.Empty(input.Grids);
        Assert.DoesNotContain(ImagePad, input.Tokens);
    }

    [Fact]
    public void A_text_only_model_writes_its_own_template_and_takes_no_images()
    {
        PromptBuilder builder = new(Tokenizer, Processor, TestModels.Config(400, -1) with { Vision = null });
        int[] tokens = builder.Build([PromptMessage.FromText("user", "x")], []).Tokens;
        Assert.Equal("<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n", Tokenizer.Decode(tokens, false));
        Assert.Throws<MedixException>(() => builder.Build([PromptMessage.FromText("user", "x")], [Picture(32, 32, 0)]));
    }

    [Fact]
    public void A_tokenizer_of_another_model_is_refused()
    {
        Assert.Contains("image_token_id", Refusal(400, ImagePad - 1), StringComparison.Ordinal);
        Assert.Contains("vocab_size", Refusal(300, ImagePad), StringComparison.Ordinal);
    }

    private static string Refusal(int vocabularySize, int imageToken) =>
        Assert.Throws<MedixException>(() => new PromptBuilder(Tokenizer, Processor, TestModels.Config(vocabularySize, imageToken))).Message;

    private static RgbImage Picture(int width, int height, byte level)
    {
        byte[] pixels = new byte[width * height * 3];
        Array.Fill(pixels, level);
        return new RgbImage(width, height, pixels);
    }
}
