using System.Security.Cryptography;
using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Runs;
using Medix.Text;
using SkiaSharp;

namespace Medix.Core.Tests.Phantoms;

public sealed class PhantomSourceTests
{
    [Fact]
    public void A_sample_holds_picture_question_answer_and_tag()
    {
        PhantomSource source = new(4, 32);
        foreach (Sample sample in source.Samples())
        {
            PhantomMessageIsPictureThenQuestion(sample);
            Assert.Equal(sample.Id, sample.SplitKey);
            PhantomText text = source.TextOf(sample.Id);
            Assert.Equal((sample.Question, sample.Reference, sample.Modality), (text.Question, text.Answer, text.Modality));
            Assert.Equal(text.Reasoning, source.ReasoningOf(sample.Id));
        }

        Assert.Equal(32, source.Samples().Select(sample => sample.Id).Distinct().Count());
    }

    [Fact]
    public void The_png_is_the_picture()
    {
        PhantomSource source = new(4, 16);
        for (int index = 0; index < source.Count; index++)
        {
            PhantomExample example = source.ExampleAt(index);
            using SKBitmap bitmap = SKBitmap.Decode(source.SampleAt(index).Images[0].Bytes.Span);
            Assert.Equal((example.Image.Width, example.Image.Height), (bitmap.Width, bitmap.Height));
            byte[] pixels = [.. bitmap.Pixels.SelectMany(colour => (byte[])[colour.Red, colour.Green, colour.Blue])];
            Assert.Equal(example.Image.Pixels, pixels);
        }
    }

    [Fact]
    public void A_row_is_the_sample_in_the_published_schema()
    {
        PhantomSource source = new(4, 4);
        foreach ((DatasetRow row, Sample sample) in source.Rows().Zip(source.Samples()))
        {
            Assert.Equal((sample.Id, sample.Question, $"<{sample.Modality}>\n{sample.Reference}"), (row.Id, row.Problem, row.Solution));
            Assert.Equal(sample.Images[0].Bytes.ToArray(), row.Images[0].Bytes.ToArray());
        }
    }

    [Fact]
    public void No_picture_and_no_id_is_on_both_sides_of_the_split()
    {
        PhantomOptions options = new(64);
        PhantomSource train = new(9, 400, PhantomSplit.Train, options), heldOut = new(9, 400, PhantomSplit.HeldOut, options);
        Assert.Equal(800, Keys(train).Concat(Keys(heldOut)).Distinct().Count());
        Assert.Empty(train.Samples().Take(50).Select(s => s.SplitKey).Intersect(heldOut.Samples().Take(50).Select(s => s.SplitKey)));
        Assert.Throws<MedixException>(() => train.TextOf(heldOut.SampleAt(0).Id));
    }

    [Theory]
    [InlineData("phantom-train-000004")]
    [InlineData("phantom-train--00001")]
    [InlineData("phantom-train-x")]
    [InlineData("vqa-rad-1")]
    public void An_id_of_another_source_is_refused(string id)
    {
        MedixException error = Assert.Throws<MedixException>(() => new PhantomSource(4, 4).TextOf(id));
        Assert.Contains("phantom-train-000003", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_are_those_of_the_samples_in_order()
    {
        PhantomSource source = new(4, 40);
        Assert.Equal(source.Samples().Select(sample => source.TextOf(sample.Id)), source.Texts());
    }

    private static IEnumerable<string> Keys(PhantomSource source) =>
        Enumerable.Range(0, source.Count).Select(index => Convert.ToHexString(SHA256.HashData(source.ExampleAt(index).Image.Pixels)));

    private static void PhantomMessageIsPictureThenQuestion(Sample sample)
    {
        PromptMessage message = Assert.Single(sample.Messages);
        Assert.Equal("user", message.Role);
        Assert.IsType<ImagePart>(message.Parts[0]);
        Assert.Equal(sample.Question, Assert.IsType<TextPart>(message.Parts[1]).Text);
        Assert.Single(sample.Images);
    }
}
