using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Export;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Exports of a model of a few kilobytes: what is refused, what is left behind, what the model card adds.</summary>
public sealed class ExportTests
{
    private static readonly Qwen3VLConfig Seeing = TinyModel.Config with { Text = TinyModel.Config.Text with { VocabularySize = 300 } };

    private static readonly Qwen3VLConfig Mixture = Seeing with
    {
        Architecture = "Qwen3VLMoeForConditionalGeneration",
        Text = Seeing.Text with { Experts = 3, ExpertsPerToken = 1, ExpertIntermediate = 8, DenseLayers = [] },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_full_disk_leaves_nothing_and_keeps_the_old_file()
    {
        using TempFolder folder = new();
        string path = folder.File("model.gguf");
        File.WriteAllText(path, "old");
        GgufStreamedTensor tensor = new("a", BlockFormats.F32, [2], stream => stream.Write(new byte[8]));
        MedixException error = Assert.Throws<MedixException>(() => GgufWriter.Write(path, [], [tensor], (file, _) => new FullDisk(file), Token));
        Assert.Contains("No space left", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        Assert.Throws<MedixException>(() => GgufWriter.Write(folder.File("model.gguf/inside.gguf"), [], [tensor], Token));
    }

    [Fact]
    public void An_interrupted_export_leaves_nothing()
    {
        using TempFolder folder = new(), target = new();
        using Checkpoint model = Open(folder, Seeing);
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => GgufExporter.Export(
            model, target.File("a.gguf"), GgufExportType.F16, progress: _ => stop.Cancel(), cancellationToken: stop.Token));
        Assert.Empty(Directory.GetFiles(target.Path));
    }

    [Fact]
    public void An_export_that_fails_at_the_language_model_takes_the_tower_away()
    {
        using TempFolder folder = new(), target = new();
        using Checkpoint model = Open(folder, Seeing);
        using CancellationTokenSource stop = new();
        bool whole = false;
        Assert.Throws<OperationCanceledException>(() => GgufExporter.Export(model, target.File("a.gguf"), GgufExportType.F16, target.File("mmproj.gguf"), _ =>
        {
            if (File.Exists(target.File("mmproj.gguf")))
            {
                whole = true;
                stop.Cancel();
            }
        }, stop.Token));
        Assert.True(whole);
        Assert.Empty(Directory.GetFiles(target.Path));
    }

    [Theory]
    [InlineData("a.gguf")]
    [InlineData("mmproj.gguf")]
    public void Nothing_is_overwritten(string there)
    {
        using TempFolder folder = new(), target = new();
        using Checkpoint model = Open(folder, Seeing);
        File.WriteAllText(target.File(there), "old");
        string fault = Assert.Throws<MedixException>(() => GgufExporter.Export(
            model, target.File("a.gguf"), GgufExportType.F16, target.File("mmproj.gguf"), _ => Assert.Fail("work before the check"), Token)).Message;
        Assert.Contains($"{there}: there is a file of that name", fault, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(target.File(there)));
        Assert.Single(Directory.GetFiles(target.Path));
    }

    [Theory]
    [InlineData("q6_k", "15 Q6_K->F16")]
    [InlineData("q8_0", "15 Q8_0->F16")]
    [InlineData("f16", "")]
    public void What_had_to_take_another_type_is_reported(string type, string expected)
    {
        using TempFolder folder = new(), target = new();
        using Checkpoint model = Open(folder, Seeing);
        ExportedFile file = GgufExporter.Export(model, target.File("a.gguf"), GgufExportType.Find(type)!, cancellationToken: Token)[^1];
        Assert.Equal(expected, string.Join(", ", file.Fallbacks.Select(one => $"{one.Tensors} {one.Wanted}->{one.Written}")));
        using GgufFile written = GgufFile.Open(target.File("a.gguf"));
        Assert.Equal(file.Fallbacks.Sum(one => one.Tensors), type == "f16" ? 0 : written.Tensors.Values.Count(tensor => tensor.Format == BlockFormats.F16));
    }

    [Fact]
    public void The_writer_refuses_what_no_reader_would_open()
    {
        using TempFolder folder = new();
        string Fault(IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, params GgufStreamedTensor[] tensors) =>
            Assert.Throws<MedixException>(() => GgufWriter.Write(folder.File("x.gguf"), metadata, tensors, Token)).Message;
        void Refused(string part, string name, BlockFormat format, params long[][] shapes) => Assert.Contains(
            part, Fault([], [.. shapes.Select(shape => new GgufStreamedTensor(name, format, shape, _ => { }))]), StringComparison.Ordinal);
        Refused("twice", "a", BlockFormats.F32, [1], [1]);
        Refused("longer than 63", new string('a', 64), BlockFormats.F32, [1]);
        Refused("1 to 4 dimensions", "a", BlockFormats.F32, [1, 1, 1, 1, 1]);
        Refused("[2, 0]", "a", BlockFormats.F32, [2, 0]);
        Refused("multiples of 256", "a", BlockFormats.Q4K, [2, 128]);
        KeyValuePair<string, GgufValue> entry = new("a", GgufValue.Of(1));
        Assert.Contains("'a' is given twice", Fault([entry, entry]), StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => GgufWriter.Write(folder.File("x.gguf"), [], [new("a", BlockFormats.F32, [2], stream => stream.WriteByte(1))], Token));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Every_type_of_value_is_read_as_written()
    {
        using TempFolder folder = new();
        object[] scalars = [(byte)200, (sbyte)-3, (ushort)60000, (short)-5, 4_000_000_000u, -7, 1.5f, true, "é\n", 1UL << 63, -1L << 40, 2.5];
        GgufValueType[] types = [.. Enum.GetValues<GgufValueType>().Where(type => type != GgufValueType.Array)];
        List<KeyValuePair<string, GgufValue>> metadata = [.. types.Zip(scalars, (type, value) => KeyValuePair.Create($"one.{type}", new GgufValue(type, value, type)))];
        foreach ((GgufValueType type, object value) in types.Zip(scalars))
        {
            Array array = Array.CreateInstance(value.GetType(), 3);
            array.SetValue(value, 1);
            if (value is string)
            {
                array.SetValue("", 0);
                array.SetValue("x", 2);
            }

            metadata.Add(new($"many.{type}", new(GgufValueType.Array, array, type)));
        }

        GgufWriter.Write(folder.File("x.gguf"), metadata, [], Token);
        using GgufFile file = GgufFile.Open(folder.File("x.gguf"));
        Assert.Equal(metadata.Select(entry => entry.Key), file.Metadata.Keys);
        Assert.All(metadata, entry => Assert.Equivalent(entry.Value, file.Metadata[entry.Key], strict: true));
    }

    [Fact]
    public void What_cannot_be_exported_is_named()
    {
        Refused("ends in .gguf", Seeing, path: "model.bin");
        Refused("Name two files", Seeing, path: "a.gguf", mmproj: "a.gguf");
        Refused("Leave --mmproj out", Seeing with { Architecture = "Qwen3ForCausalLM", Vision = null, Text = Seeing.Text with { MropeSection = null } }, mmproj: "b.gguf");
        Refused("temporal_patch_size is 3", Seeing with { Vision = Seeing.Vision! with { TemporalPatchSize = 3 } }, mmproj: "b.gguf");
        Refused("layer 1 has no experts", Mixture with { Text = Mixture.Text with { DenseLayers = [1] } });
        Refused("has 200 rows", Seeing with { Text = Seeing.Text with { VocabularySize = 200 } });
        Refused("preprocessor_config.json", Seeing, mmproj: "b.gguf", change: folder => File.Delete(folder.File("preprocessor_config.json")));
        Refused("image_mean", Seeing, mmproj: "b.gguf", change: folder => File.WriteAllText(folder.File("processor_config.json"), """{"image_processor":{"image_mean":[1]}}"""));
        Refused("top_p is \"high\"", Seeing, change: folder => File.WriteAllText(folder.File("generation_config.json"), """{"top_p":"high"}"""));
        Refused("tokenizer", Seeing, change: folder => File.Delete(folder.File("tokenizer.json")));
        Refused("'mtp.fc.weight' is no part", Seeing, tensors: tensors => tensors.Add(TensorData.FromFloat32("mtp.fc.weight", [2], [1, 2])));
        Refused("more than the 65504", Seeing, tensors: tensors => Spoil(tensors, 1e5f));
        Refused("weights must be finite", Seeing, tensors: tensors => Spoil(tensors, float.NaN));
    }

    /// <summary>A square stack fits both layouts; the layer's other tensor decides.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(4)]
    public void Layouts_of_experts_are_told_apart_even_where_one_is_square(int inner)
    {
        using TempFolder first = new(), second = new(), target = new();
        Qwen3VLConfig config = Mixture with { Text = Mixture.Text with { ExpertIntermediate = inner } };
        List<TensorData> published = TinyModel.Tensors(config);
        List<TensorData> turned = [.. published.Select(tensor => tensor.Name.Contains(".experts.", StringComparison.Ordinal) ? Turned(tensor) : tensor)];
        using Checkpoint a = Open(first, config, published), b = Open(second, config, turned);
        GgufExporter.Export(a, target.File("a.gguf"), GgufExportType.F16, cancellationToken: Token);
        GgufExporter.Export(b, target.File("b.gguf"), GgufExportType.F16, cancellationToken: Token);
        using GgufFile left = GgufFile.Open(target.File("a.gguf")), right = GgufFile.Open(target.File("b.gguf"));
        Assert.Equal(left.Order, right.Order);
        Assert.All(left.Order, name => Assert.True(
            left.Bytes(left.Tensors[name], 0, (int)left.Tensors[name].Bytes).SequenceEqual(right.Bytes(right.Tensors[name], 0, (int)right.Tensors[name].Bytes)), name));
    }

    [Fact]
    public void The_model_card_and_the_hubs_cache_say_who_made_it()
    {
        using TempFolder root = new(), target = new();
        string snapshot = root.File("models--MBZUAI--MediX-R1-8B/snapshots/0123abcd");
        Directory.CreateDirectory(snapshot);
        using TempFolder made = new();
        Open(made, Seeing).Dispose();
        Array.ForEach(Directory.GetFiles(made.Path), file => File.Copy(file, Path.Combine(snapshot, Path.GetFileName(file))));
        File.WriteAllText(
            Path.Combine(snapshot, "README.md"),
            "---\nlicense: other\nlicense_name: own\nlicense_link: https://x.org/l\nbase_model:\n"
            + "- Qwen/Qwen3-VL-8B-Instruct\ntags:\n- medical\npipeline_tag: image-text-to-text\nlanguage: en\n---\n# x\n");
        using Checkpoint model = Checkpoint.Open(snapshot);
        GgufExporter.Export(model, target.File("a.gguf"), GgufExportType.F16, cancellationToken: Token);
        using GgufFile file = GgufFile.Open(target.File("a.gguf"));
        string[] expected =
        [
            "name=MediX R1 8B", "organization=MBZUAI", "finetune=8b", "basename=MediX-R1", "size_label=8.8K", "license=other", "license.name=own", "license.link=https://x.org/l",
            "base_model.count=1", "base_model.0.name=Qwen3 VL 8B Instruct", "base_model.0.organization=Qwen",
            "base_model.0.repo_url=https://huggingface.co/Qwen/Qwen3-VL-8B-Instruct",
            "tags=medical image-text-to-text", "languages=en",
        ];
        string[] found = [.. file.Metadata.Keys.Where(key => key.StartsWith("general.", StringComparison.Ordinal)).Select(key => (key, file.Metadata[key].Value))
            .Select(entry => $"{entry.key["general.".Length..]}={(entry.Value is string[] texts ? string.Join(' ', texts) : entry.Value)}")];
        string[] others = ["architecture", "type", "sampling", "file_type", "quantization"];
        Assert.Equal(expected, found.Where(entry => !others.Any(other => entry.StartsWith(other, StringComparison.Ordinal))));
    }

    [Fact]
    public void Chat_templates_are_found_where_folders_keep_them()
    {
        Assert.Equal("in settings", Template("""{"chat_template":"in settings"}""", ("chat_template.jinja", "in a file")));
        Assert.Equal("second", Template("""{"chat_template":[{"name":"tool_use","template":"first"},{"name":"default","template":"second"}]}"""));
        Assert.Equal("in a file", Template("{}", ("chat_template.jinja", "in a file"), ("chat_template.json", """{"chat_template":"wrapped"}""")));
        Assert.Equal("wrapped", Template("{}", ("chat_template.json", """{"chat_template":"wrapped"}""")));
        Assert.Null(Template("{}"));
    }

    private static string? Template(string settings, params (string Name, string Text)[] files)
    {
        using TempFolder folder = new(), target = new();
        using Checkpoint model = Open(folder, Seeing);
        File.WriteAllText(folder.File("tokenizer_config.json"), settings);
        Array.ForEach(files, file => File.WriteAllText(folder.File(file.Name), file.Text));
        GgufExporter.Export(model, target.File("a.gguf"), GgufExportType.F16, cancellationToken: Token);
        using GgufFile written = GgufFile.Open(target.File("a.gguf"));
        return written.Metadata.Has("tokenizer.chat_template") ? written.Metadata.Text("tokenizer.chat_template") : null;
    }

    private static void Refused(
        string part, Qwen3VLConfig config, string path = "a.gguf", string? mmproj = null, Action<TempFolder>? change = null, Action<List<TensorData>>? tensors = null)
    {
        using TempFolder folder = new(), target = new();
        List<TensorData> all = TinyModel.Tensors(config);
        tensors?.Invoke(all);
        using Checkpoint model = Open(folder, config, all);
        change?.Invoke(folder);
        MedixException error = Assert.Throws<MedixException>(() =>
            GgufExporter.Export(model, target.File(path), GgufExportType.F16, mmproj is null ? null : target.File(mmproj), cancellationToken: Token));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(target.Path), file => file.EndsWith(".partial", StringComparison.Ordinal));
    }

    private static Checkpoint Open(TempFolder folder, Qwen3VLConfig config, List<TensorData>? tensors = null)
    {
        TinyModel.Save(folder, config, tensors ?? TinyModel.Tensors(config));
        BpeTrainer.Train(["the lung the lung"], 262, [new("<|endoftext|>"), new("<|im_end|>")]).Save(folder.Path);
        ModelSideFiles.WriteMissingSettings(folder.Path, config);
        return Checkpoint.Open(folder.Path);
    }

    private static void Spoil(List<TensorData> tensors, float value)
    {
        int at = tensors.FindIndex(tensor => tensor.Name.EndsWith("layers.1.mlp.up_proj.weight", StringComparison.Ordinal));
        byte[] bytes = tensors[at].Bytes.ToArray();
        BitConverter.GetBytes(value).CopyTo(bytes, 40);
        tensors[at] = tensors[at] with { Bytes = bytes };
    }

    private static TensorData Turned(TensorData tensor)
    {
        int experts = (int)tensor.Shape[0], rows = (int)tensor.Shape[1], columns = (int)tensor.Shape[2];
        ReadOnlySpan<float> source = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span);
        float[] values = new float[source.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int expert = i / (rows * columns), row = i / columns % rows, column = i % columns;
            values[(((expert * columns) + column) * rows) + row] = source[i];
        }

        return TensorData.FromFloat32(tensor.Name, [experts, columns, rows], values);
    }

    private sealed class FullDisk(string path) : MemoryStream
    {
        private readonly FileStream _file = File.Create(path);

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("No space left on device");

        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("No space left on device");

        protected override void Dispose(bool disposing)
        {
            _file.Dispose();
            base.Dispose(disposing);
        }
    }
}
