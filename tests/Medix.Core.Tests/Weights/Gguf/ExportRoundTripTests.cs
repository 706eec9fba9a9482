using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Export;
using Medix.Weights.Gguf.Import;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Every reference checkpoint in every kind of file, opened again as a model.</summary>
[Trait("Category", "Parity")]
public sealed class ExportRoundTripTests
{
    // The largest relative error of random normal values: half a step of a block's largest value, some three standard deviations; scales rounded too.
    private static readonly Dictionary<string, double> Errors = new()
    {
        ["F32"] = 0, ["BF16"] = 0, ["F16"] = 1e-5, ["Q8_0"] = 0.01, ["Q6_K"] = 0.03,
        ["Q5_K"] = 0.05, ["Q5_1"] = 0.05, ["Q5_0"] = 0.06, ["Q4_K"] = 0.1, ["Q4_1"] = 0.1, ["Q4_0"] = 0.11,
    };

    [Fact]
    public void Values_shape_and_tokens_come_back()
    {
        HashSet<string> seen = [];
        int towers = 0;
        foreach (string source in Directory.GetDirectories(GgufGoldens.Folder("hf")))
        {
            using Checkpoint checkpoint = Checkpoint.Open(source);
            bool sees = checkpoint.Config.Vision is not null;
            towers += sees ? 1 : 0;
            foreach (GgufExportType type in GgufExportType.All)
            {
                using TempFolder folder = new();
                string path = folder.File("text.gguf"), tower = folder.File("tower.gguf");
                GgufExporter.Export(checkpoint, path, type, sees ? tower : null, cancellationToken: TestContext.Current.CancellationToken);
                using GgufModel model = GgufModel.Open(path, sees ? tower : null);
                Assert.Equivalent(checkpoint.Config with { Text = checkpoint.Config.Text with { DenseLayers = model.Config.Text.DenseLayers } }, model.Config, strict: true);
                Assert.Equal(type.FileType, model.Text.Metadata.Number("general.file_type", 0));
                Assert.Equal(Medix.Text.Tokenizer.Load(source).Encode("Die Lunge ist 12 cm.<|im_end|>"), model.Tokenizer.Encode("Die Lunge ist 12 cm.<|im_end|>"));
                AssertValues(checkpoint, model, $"{source}, {type.Name}", seen);
            }
        }

        Assert.True(towers > 0, "No checkpoint has a vision tower.");
        Assert.Equal(Errors.Keys.Order(), seen.Order());
    }

    private static void AssertValues(Checkpoint checkpoint, GgufModel model, string what, HashSet<string> seen)
    {
        foreach (ExpectedTensor tensor in ModelTensors.Of(model.Config))
        {
            float[] expected = checkpoint.ReadFloat32(tensor.Name), actual = new float[expected.Length];
            model.ReadFloat32(tensor.Name, 0, actual);
            GgufParts parts = GgufTensorNames.IsVision(tensor.Name) ? model.Vision! : model.Text;
            foreach (string kind in GgufTensorNames.Of(tensor.Name, model.Config.Vision?.DeepstackIndexes ?? []).Select(name => parts.Tensor(name).Format.Name).Distinct())
            {
                double error = Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow(e - a, 2)).Sum() / expected.Sum(e => (double)e * e));
                Assert.True(error <= Errors[kind], $"{what}, {tensor.Name}, {kind}: relative error {error}");
                seen.Add(kind);
            }
        }
    }
}
