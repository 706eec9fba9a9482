using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Export;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Exported checkpoints against the files that llama.cpp's own tools made of them. Tolerances stand in the goldens' README.</summary>
[Trait("Category", "Parity")]
public sealed class ExportParityTests
{
    // These search for scales: an equally good search may give other bytes.
    private static readonly string[] Searched = ["Q4_K", "Q5_K", "Q6_K"];

    [Fact]
    public void Files_of_the_converters_kinds_are_equal_byte_by_byte()
    {
        HashSet<string> seen = [];
        foreach (Golden golden in Goldens().Where(golden => !golden.Type.ByQuantizer))
        {
            using TempFolder folder = new();
            byte[] expected = File.ReadAllBytes(golden.Path), actual = File.ReadAllBytes(golden.Export(folder));
            AssertSame(golden, expected, actual);
            seen.Add(golden.IsTower ? "mmproj" : golden.Type.Name);
        }

        Assert.Superset(new HashSet<string> { "mmproj", "f16", "bf16", "q8_0" }, seen);
    }

    [Fact]
    public void Files_of_the_quantisers_kinds_have_its_header_and_its_bytes_or_as_small_an_error()
    {
        int same = 0, searched = 0;
        foreach (Golden golden in Goldens().Where(golden => golden.Type.ByQuantizer))
        {
            using TempFolder folder = new();
            string path = golden.Export(folder);
            using GgufFile expected = GgufFile.Open(golden.Path), actual = GgufFile.Open(path);
            Assert.Equal(Kinds(expected), Kinds(actual));
            byte[] expectedBytes = File.ReadAllBytes(golden.Path), actualBytes = File.ReadAllBytes(path);
            Assert.Equal(expectedBytes.Length, actualBytes.Length);
            int header = (int)(expectedBytes.Length - expected.Tensors.Values.Max(tensor => tensor.Offset + ((tensor.Bytes + 31) / 32 * 32)));
            AssertSame(golden, expectedBytes.AsSpan(0, header), actualBytes.AsSpan(0, header));
            foreach (string name in expected.Order)
            {
                GgufTensor tensor = expected.Tensors[name];
                if (Searched.Contains(tensor.Format.Name))
                {
                    float[] source = golden.Values(name, tensor.Count);
                    double theirs = Error(source, Read(expected, tensor)), ours = Error(source, Read(actual, actual.Tensors[name]));
                    Assert.True(ours <= 1.02 * theirs, $"{golden.Path}, {name}: error {ours}, the reference has {theirs}");
                    searched++;
                }
                else
                {
                    bool equal = expected.Bytes(tensor, 0, (int)tensor.Bytes).SequenceEqual(actual.Bytes(tensor, 0, (int)tensor.Bytes));
                    Assert.True(equal, $"{golden.Path}: the bytes of {name} differ");
                    same++;
                }
            }
        }

        Assert.True(same > 0 && searched > 0, $"{same} tensors without and {searched} with a search: a kind is missing.");
    }

    /// <summary>The experts as transformers 5 saves them, under the same names, give the same file.</summary>
    [Fact]
    public void Both_layouts_of_experts_give_one_file()
    {
        string root = SharedFiles.Require("goldens", "gguf");
        const string mark = "-experts-as-transformers5-saves.safetensors";
        string[] turned = [.. Directory.GetFiles(root, "*" + mark)];
        Assert.NotEmpty(turned);
        foreach (string other in turned)
        {
            string source = Path.Combine(root, "hf", Path.GetFileName(other)[..^mark.Length]);
            using TempFolder folder = new();
            string copy = folder.File(Path.GetFileName(source));
            Directory.CreateDirectory(copy);
            Array.ForEach(Directory.GetFiles(source), file => File.Copy(file, Path.Combine(copy, Path.GetFileName(file))));
            using (SafetensorsFile published = SafetensorsFile.Open(Path.Combine(source, "model.safetensors")), experts = SafetensorsFile.Open(other))
            {
                string target = Path.Combine(copy, "model.safetensors");
                File.Delete(target);
                SafetensorsWriter.Write(target, [.. published.Tensors.Keys.Select(name => (experts.Tensors.ContainsKey(name) ? experts : published, name))
                    .Select(at => new TensorData(at.name, at.Item1.Tensors[at.name].DType, at.Item1.Tensors[at.name].Shape, at.Item1.Bytes(at.name).ToArray()))]);
            }

            using Checkpoint first = Checkpoint.Open(source), second = Checkpoint.Open(copy);
            Assert.Contains(ModelTensors.Of(second.Config), tensor => second.HoldsExpertsTransposed(tensor) && !first.HoldsExpertsTransposed(tensor));
            GgufExporter.Export(first, folder.File("first.gguf"), GgufExportType.F16, cancellationToken: TestContext.Current.CancellationToken);
            GgufExporter.Export(second, folder.File("second.gguf"), GgufExportType.F16, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(File.ReadAllBytes(folder.File("first.gguf")), File.ReadAllBytes(folder.File("second.gguf")));
        }
    }

    private static Golden[] Goldens()
    {
        string[] folders = Directory.GetDirectories(GgufGoldens.Folder("hf"));
        Golden[] found = [.. GgufGoldens.Models().Select(path => Find(path, folders)).OfType<Golden>()];
        Assert.NotEmpty(found);
        return found;
    }

    /// <summary>The kind of a file is in its metadata, its checkpoint is the one with the same last norm. Kinds that are only read and split files are left out.</summary>
    private static Golden? Find(string path, string[] folders)
    {
        using GgufFile file = GgufFile.Open(path);
        bool tower = file.Metadata.Text("general.architecture") == "clip";
        int number = file.Metadata.Number("general.file_type", 0);
        if (file.Metadata.Has("split.count") || GgufExportType.All.FirstOrDefault(type => type.FileType == number) is not { } kind)
        {
            return null;
        }

        GgufTensor norm = file.Tensors[tower ? "v.post_ln.weight" : "output_norm.weight"];
        float[] values = Read(file, norm);
        string name = tower ? ModelTensors.VisionPrefix + "merger.norm.weight" : ModelTensors.TextPrefix + "norm.weight";
        return new(path, kind, tower, folders.Single(folder =>
        {
            using Checkpoint model = Checkpoint.Open(folder);
            return model.Contains(name) && model.ReadFloat32(name).AsSpan().SequenceEqual(values);
        }));
    }

    private static float[] Read(GgufFile file, GgufTensor tensor)
    {
        float[] values = new float[tensor.Count];
        file.ReadFloat32(tensor, 0, values);
        return values;
    }

    private static IEnumerable<string> Kinds(GgufFile file) => file.Order.Select(name => $"{name} {file.Tensors[name].ShapeText} {file.Tensors[name].Format.Name}");

    private static double Error(float[] source, float[] values) => source.Zip(values, (a, b) => ((double)a - b) * ((double)a - b)).Sum();

    private static void AssertSame(Golden golden, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        int at = expected.CommonPrefixLength(actual);
        Assert.True(at == expected.Length && at == actual.Length, $"{golden.Path}: {actual.Length} bytes, expected {expected.Length}; the first difference is at byte {at}");
    }

    private sealed record Golden(string Path, GgufExportType Type, bool IsTower, string Folder)
    {
        public string Export(TempFolder folder)
        {
            using Checkpoint model = Checkpoint.Open(Folder);
            string text = folder.File("text.gguf"), tower = folder.File("tower.gguf");
            GgufExporter.Export(model, text, Type, IsTower ? tower : null, cancellationToken: TestContext.Current.CancellationToken);
            return IsTower ? tower : text;
        }

        /// <summary>The checkpoint's values of a GGUF tensor.</summary>
        public float[] Values(string name, long count)
        {
            using Checkpoint model = Checkpoint.Open(Folder);
            float[] values = new float[count];
            ExportPlan.Of(model, Type, IsTower).Single(tensor => tensor.Name == name).Read(0, values);
            return values;
        }
    }
}
