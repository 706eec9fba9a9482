using System.Security.Cryptography;
using CsCheck;
using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Runs;

namespace Medix.Core.Tests.Phantoms;

public sealed class PhantomGeneratorTests
{
    [Fact]
    public void The_pixels_and_words_of_a_seed_are_the_same_on_every_machine()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int index = 0; index < 64; index++)
        {
            PhantomExample example = PhantomGenerator.Create(1, index, new PhantomOptions());
            hash.AppendData(example.Image.Pixels);
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(example.Modality + example.Question + example.Reasoning + example.Answer));
        }

        // A change here means that every phantom ever trained on is another one: change it only with the drawings, and train the nano model again.
        Assert.Equal("5c532375436d749a", Convert.ToHexStringLower(hash.GetHashAndReset())[..16]);
    }

    [Fact]
    public void Another_seed_or_index_gives_another_picture()
    {
        HashSet<string> hashes = [];
        for (int i = 0; i < 160; i++)
        {
            Assert.True(hashes.Add(HashOf(PhantomGenerator.Create(1, i, new PhantomOptions(64)))));
            Assert.True(hashes.Add(HashOf(PhantomGenerator.Create(2, i, new PhantomOptions(64)))));
        }
    }

    [Fact]
    public void Every_block_has_every_modality_once_and_all_kinds_occur()
    {
        PhantomText[] texts = [.. Enumerable.Range(0, 1600).Select(index => PhantomGenerator.Describe(5, index, new PhantomOptions()))];
        Assert.All(texts.Chunk(Modalities.All.Count), block => Assert.Equal(Modalities.All.Order(), block.Select(text => text.Modality).Order()));
        foreach (IGrouping<string, PhantomText> modality in texts.GroupBy(text => text.Modality))
        {
            Assert.Equal(Enum.GetValues<QuestionKind>(), modality.Select(text => text.Kind).Distinct().Order());
        }
    }

    [Fact]
    public void Answers_are_spread_evenly_over_numbers_sizes_and_presence()
    {
        PhantomText[] texts = [.. Enumerable.Range(0, 12_000).Select(index => PhantomGenerator.Describe(6, index, new PhantomOptions()))];
        double ShareOf(QuestionKind kind, Func<string, bool> chosen) =>
            texts.Where(text => text.Kind == kind).Average(text => chosen(text.Answer) ? 1.0 : 0.0);

        Assert.InRange(ShareOf(QuestionKind.HowMany, answer => answer == "one"), 0.18, 0.32);
        Assert.InRange(ShareOf(QuestionKind.HowMany, answer => answer == "four"), 0.15, 0.3);
        Assert.InRange(ShareOf(QuestionKind.Size, answer => answer is "large" or "80 mm" or "40 mm"), 0.28, 0.38);
        Assert.InRange(ShareOf(QuestionKind.Side, answer => answer.StartsWith("left", StringComparison.Ordinal)), 0.45, 0.55);
        Assert.InRange(ShareOf(QuestionKind.Presence, answer => answer.StartsWith("no ", StringComparison.Ordinal)), 0.4, 0.6);
        Assert.InRange(ShareOf(QuestionKind.What, answer => answer == "no abnormality"), 0.2, 0.3);
    }

    [Fact]
    public void Options_choose_modalities_kinds_and_the_share_of_normal_pictures()
    {
        PhantomOptions options = new(64, ["CT_SCAN", "OTHER"], [QuestionKind.What], NormalShare: 1);
        PhantomExample[] examples = [.. Enumerable.Range(0, 20).Select(index => PhantomGenerator.Create(3, index, options))];
        Assert.All(examples, example => Assert.Equal("no abnormality", example.Answer));
        Assert.All(examples, example => Assert.Empty(example.Findings));
        Assert.Equal(10, examples.Count(example => example.Modality == "CT_SCAN"));
    }

    [Fact]
    public void Every_size_from_64_to_256_works() =>
        Gen.Select(Gen.ULong, Gen.Int[0, 1_000_000], Gen.Int[64, 256]).Sample(
            (seed, index, size) =>
            {
                PhantomExample example = PhantomGenerator.Create(seed, index, new PhantomOptions(size));
                bool inside = example.Findings.All(finding => finding.CenterX is > 0.05 and < 0.95 && finding.CenterY is > 0.05 and < 0.95);
                return example.Image.Width == size && example.Image.Height == size && example.Image.Pixels.Length == size * size * 3 && inside;
            },
            iter: 150, threads: 1);

    [Fact]
    public void Unusable_options_are_all_named()
    {
        PhantomOptions options = new(10, ["XRAY"], [], NormalShare: double.NaN);
        MedixException error = Assert.Throws<MedixException>(() => PhantomGenerator.Create(1, 0, options));
        Assert.All(new[] { "size is 10", "XRAY", "X_RAY", "kinds", "normalShare" }, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_contact_sheet_is_one_picture_with_a_row_per_modality()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("medix-sheet").FullName, "sheet.png");
        PhantomSheet.Write(path, 1, 2, new PhantomOptions(64, ["CT_SCAN", "SPECT", "OTHER"]));
        using SkiaSharp.SKBitmap sheet = SkiaSharp.SKBitmap.Decode(path);
        Assert.True(sheet.Height > 3 * 256 && sheet.Width > 2 * 256);
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        byte[] written = File.ReadAllBytes(path);
        MedixException fault = Assert.Throws<MedixException>(() => PhantomSheet.Write(path, 2, 1, new PhantomOptions(64, ["CT_SCAN"])));
        Assert.Contains("nothing is overwritten", fault.Message, StringComparison.Ordinal);
        Assert.Equal(written, File.ReadAllBytes(path));
        Assert.Contains("too large", Assert.Throws<MedixException>(() => PhantomSheet.Write(path + "2", 1, 13, new PhantomOptions())).Message, StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    private static string HashOf(PhantomExample example) => Convert.ToHexString(SHA256.HashData(example.Image.Pixels));
}
