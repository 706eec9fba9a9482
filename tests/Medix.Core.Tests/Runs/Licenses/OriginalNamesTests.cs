using Medix.Core.Tests.Weights;
using Medix.Runs.Licenses;

namespace Medix.Core.Tests.Runs.Licenses;

/// <summary>Copies of MediX-R1's models and data that have lost their licence.</summary>
public sealed class OriginalNamesTests : IDisposable
{
    private readonly TempFolder folder = new();

    [Theory]
    [InlineData("MediX-R1-8B")]
    [InlineData("medix-r1-2b-gguf")]
    [InlineData("MediX_R1_30B")]
    [InlineData("MBZUAI/MediX-R1-8B")]
    [InlineData("MBZUAI--MediX-R1-8B")]
    public void A_models_folder_is_known_by_its_name(string name)
    {
        string model = Directory.CreateDirectory(folder.File(name)).FullName;
        LicensedPart part = LicenseReader.OfModel(model, model, null);
        Assert.Equal("CC-BY-NC-SA-4.0", part.Names);
        Assert.Contains("which is MediX-R1's", part.ReadFrom, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(model), part.ReadFrom, StringComparison.Ordinal);
        Assert.Contains(part.ReadFrom, Assert.Single(LicenseCheck.Combine([part]).Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("medix-rl-data/data/train-00000.parquet")]
    [InlineData("medix-rl-data/train.jsonl")]
    [InlineData("MBZUAI/medix-rl-data/data/test.parquet")]
    [InlineData("pictures/medix-rl-data.jsonl")]
    public void Data_are_known_by_the_name_of_file_or_folder(string name)
    {
        string file = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "");
        Assert.Equal("CC-BY-NC-SA-4.0", LicenseReader.OfData(file, null).Names);
        LicensedPart stated = LicenseReader.OfData(file, "mit");
        Assert.Equal("CC-BY-NC-SA-4.0", LicenseCheck.Combine([stated]).Derivative?.Id);
        Assert.Contains("data.license says MIT", Assert.Single(stated.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("README.md", "# MediX-R1: open-ended medical RL\n")]
    [InlineData("README.md", "---\ntags: [x]\n---\n# 🩺 MBZUAI/MediX-R1-8B\n")]
    [InlineData("README.md", "---\npretty_name: medix-rl-data\n---\n")]
    [InlineData("SOURCE.md", "Fetched from https://huggingface.co/datasets/MBZUAI/medix-rl-data\n")]
    [InlineData("dataset_info.json", """{"dataset_name": "medix-rl-data"}""")]
    [InlineData("dataset_info.json", """{"download_checksums": {"hf://datasets/MBZUAI/medix-rl-data@0/data/a.parquet": {}}}""")]
    [InlineData("config.json", """{"_name_or_path": "/home/a/MediX-R1-8B"}""")]
    [InlineData("adapter_config.json", """{"base_model_name_or_path": "MBZUAI/MediX-R1-8B"}""")]
    public void A_file_beside_them_that_names_them_is_enough(string name, string text)
    {
        File.WriteAllText(folder.File(name), text);
        LicensedPart part = LicenseReader.OfModel(folder.Path, folder.Path, null);
        Assert.Equal("CC-BY-NC-SA-4.0", part.Names);
        Assert.NotEqual("nowhere", part.ReadFrom);
    }

    [Theory]
    [InlineData("medix")]
    [InlineData("medix-run-3")]
    [InlineData("medix-rl")]
    [InlineData("nano")]
    [InlineData("compared-with-medix-r1")]
    [InlineData("medix-r10")]
    public void Other_names_are_not_the_originals(string name)
    {
        string model = Directory.CreateDirectory(folder.File(name)).FullName;
        File.WriteAllText(Path.Combine(model, "README.md"), "# Mine\n\nBetter than MBZUAI/MediX-R1-8B.\n");
        Assert.Empty(LicenseReader.OfModel(model, model, null).Licenses);
    }

    [Fact]
    public void The_hubs_general_tag_is_settled_by_what_is_known()
    {
        File.WriteAllText(folder.File("README.md"), "---\nlicense: cc\n---\n");
        LicensedPart part = LicenseReader.OfModel("MBZUAI/MediX-R1-8B", folder.Path, null);
        Assert.Equal("CC-BY-NC-SA-4.0", LicenseCheck.Combine([part]).Derivative?.Id);
        Assert.Null(LicenseCheck.Combine([LicenseReader.OfModel(folder.Path, folder.Path, null)]).Derivative);
    }

    public void Dispose() => folder.Dispose();
}
