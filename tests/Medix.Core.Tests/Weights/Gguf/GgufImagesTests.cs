using Medix.Imaging;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Export;
using Medix.Weights.Gguf.Import;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Where the limits of a picture's area are found for a GGUF model, and how they stay with one that is written.</summary>
public sealed class GgufImagesTests
{
    private const string Fitting = """
        {"size": {"shortest_edge": 100, "longest_edge": 900}, "patch_size": 4, "temporal_patch_size": 2, "merge_size": 2,
         "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "mine": true}
        """;

    [Fact]
    public void Without_a_word_of_them_the_published_limits_are_assumed_but_the_towers_own_normalisation()
    {
        GgufImages images = Find(null)!;
        Assert.Equal((GgufImageLimits.Published, 65_536L, 16_777_216L), (images.Limits, images.Options.MinPixels, images.Options.MaxPixels));
        Assert.Equal([0.25, 0.5, 0.7], images.Options.Mean);
        Assert.Equal([0.5, 0.25, 0.3], images.Options.Std);
        Assert.Equal((4, 2, 2), (images.Options.PatchSize, images.Options.TemporalPatchSize, images.Options.MergeSize));
    }

    [Theory]
    [InlineData(64, 640, 64, 640)]
    [InlineData(null, 70_000, 65_536, 70_000)]
    [InlineData(64, null, 64, 16_777_216)]
    public void Keys_of_the_tower_count(int? least, int? most, long minPixels, long maxPixels)
    {
        GgufImages images = Find(null, least, most)!;
        Assert.Equal((GgufImageLimits.Keys, minPixels, maxPixels), (images.Limits, images.Options.MinPixels, images.Options.MaxPixels));
    }

    [Theory]
    [InlineData(641, 640, "image_min_pixels' is 641")]
    [InlineData(null, 640, "image_max_pixels' is 640")]
    public void Limits_that_exclude_each_other_are_refused(int? least, int? most, string part) =>
        Assert.Contains(part, Assert.Throws<MedixException>(() => Find(null, least, most)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_beside_counts_more_and_is_imported_as_it_is()
    {
        using TempFolder folder = new();
        using GgufModel model = Open(folder, Fitting, 64, 640);
        GgufImages images = GgufImages.Of(model)!;
        Assert.Equal((GgufImageLimits.FileBeside, 100L, 900L), (images.Limits, images.Options.MinPixels, images.Options.MaxPixels));
        Assert.Equal([0.1, 0.2, 0.3], images.Options.Mean);
        GgufImporter.Import(model, folder.File("out"), new ImportOptions(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Fitting, File.ReadAllText(folder.File("out/preprocessor_config.json")));
        Assert.Contains("25165824", File.ReadAllText(folder.File("out/video_preprocessor_config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_are_imported()
    {
        using TempFolder folder = new();
        using GgufModel model = Open(folder, null, 64, 640);
        GgufImporter.Import(model, folder.File("out"), new ImportOptions(), cancellationToken: TestContext.Current.CancellationToken);
        ImageProcessorOptions written = ImageProcessorOptions.Load(folder.File("out/preprocessor_config.json"));
        Assert.Equal((64L, 640L), (written.MinPixels, written.MaxPixels));
        Assert.Equal([0.25, 0.5, 0.7], written.Mean);
    }

    [Fact]
    public void Another_models_file_beside_is_refused_before_any_work()
    {
        using TempFolder folder = new();
        using GgufModel model = Open(folder, Fitting.Replace("\"patch_size\": 4", "\"patch_size\": 14", StringComparison.Ordinal));
        string fault = Assert.Throws<MedixException>(() =>
            GgufImporter.Import(model, folder.File("out"), new ImportOptions(), cancellationToken: TestContext.Current.CancellationToken)).Message;
        Assert.Contains("patches of 14 pixels", fault, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(folder.Path));
    }

    [Fact]
    public void A_model_that_reads_text_only_has_none()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), "{");
        using GgufModel model = GgufModel.Open(TinyGguf.Model("qwen3vl", TinyGguf.Decoder).Save(folder, "a.gguf"));
        Assert.Null(GgufImages.Of(model));
    }

    [Fact]
    public void Limits_other_than_the_published_go_into_a_file_beside_the_tower_that_replaces_none()
    {
        using TempFolder folder = new(), target = new();
        string mmproj = target.File("new/mmproj.gguf"), own = folder.File("preprocessor_config.json");
        TinyModel.Save(folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        using Checkpoint model = Checkpoint.Open(folder.Path);
        Assert.False(ExportedImages.NeedFile(model, mmproj));
        ModelSideFiles.WriteMissingSettings(folder.Path, model.Config);
        Assert.False(ExportedImages.NeedFile(model, mmproj));
        File.WriteAllText(own, Fitting);
        Assert.True(ExportedImages.NeedFile(model, mmproj));
        Assert.False(ExportedImages.NeedFile(model, folder.File("mmproj.gguf")));
        Directory.CreateDirectory(target.File("new"));
        Assert.Equal(target.File("new/preprocessor_config.json"), ExportedImages.Copy(model, mmproj));
        Assert.Equal(Fitting, File.ReadAllText(target.File("new/preprocessor_config.json")));
        Assert.False(ExportedImages.NeedFile(model, mmproj));
        foreach ((string mine, string others) in ((string, string)[])[("900", "901"), ("0.1", "0.11"), ("0.6", "0.7"), ("\"patch_size\": 4", "\"patch_size\": 8")])
        {
            File.WriteAllText(own, Fitting.Replace(mine, others, StringComparison.Ordinal));
            string fault = Assert.Throws<MedixException>(() => ExportedImages.NeedFile(model, mmproj)).Message;
            Assert.Contains("another model's file of that name, for areas of 100 to 900 pixels", fault, StringComparison.Ordinal);
        }
    }

    private static GgufImages? Find(string? beside, int? least = null, int? most = null)
    {
        using TempFolder folder = new();
        using GgufModel model = Open(folder, beside, least, most);
        return GgufImages.Of(model);
    }

    private static GgufModel Open(TempFolder folder, string? beside, int? least = null, int? most = null)
    {
        TinyGguf tower = TinyGguf.Tower();
        foreach ((string key, int? value) in ((string, int?)[])[("clip.vision.image_min_pixels", least), ("clip.vision.image_max_pixels", most)])
        {
            if (value is { } pixels)
            {
                tower.Keys[key] = GgufValue.Of((uint)pixels);
            }
        }

        if (beside is not null)
        {
            File.WriteAllText(folder.File("preprocessor_config.json"), beside);
        }

        return GgufModel.Open(TinyGguf.Model("qwen3vl", TinyGguf.Decoder).Save(folder, "a.gguf"), tower.Save(folder, "b.gguf"));
    }
}
