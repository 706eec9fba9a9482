using System.Text;
using Medix.Core.Tests.Weights.Gguf;
using Medix.Runs;
using Medix.Weights.Gguf;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Weights.Inspection;

public sealed class GgufInspectorTests : IDisposable
{
    private readonly TempFolder folder = new();

    [Fact]
    [Trait("Category", "Parity")]
    public void Every_reference_file_is_told_by_its_header()
    {
        foreach (string path in GgufGoldens.Models())
        {
            using GgufParts parts = GgufParts.Open(path);
            ModelReport report = ModelInspector.Inspect(path);
            Assert.Equal((ModelKind.Gguf, parts.Metadata.Text("general.architecture")), (report.Kind, report.Architecture));
            Assert.Equal(parts.Names, report.Tensors!.Select(tensor => tensor.Name));
            Assert.All(report.Tensors!, tensor => Assert.Equal(parts.Tensor(tensor.Name).Format.Name, tensor.DType));
            Assert.Equal(parts.Names.Sum(name => parts.Tensor(name).Bytes), report.DTypes.Sum(type => type.Bytes));
            Assert.Equal(parts.Files.Count, report.Shards.Count);
            Assert.Equal(parts.Metadata.Has("tokenizer.ggml.tokens") ? parts.Metadata.Texts("tokenizer.ggml.tokens").Length : null, report.Tokenizer?.Vocabulary);
            Assert.Empty(report.Faults);
        }
    }

    [Theory]
    [InlineData("apache-2.0", null, "Qwen", "Apache-2.0", "general.license")]
    [InlineData("other", "qwen-research", "Qwen", "LicenseRef-Qwen-Research", "general.license.name")]
    [InlineData(null, null, "https://huggingface.co/MBZUAI/MediX-R1-8B", "CC-BY-NC-SA-4.0", "the name")]
    [InlineData("mit", null, "MediX-R1-8B", "MIT, CC-BY-NC-SA-4.0", "general.license; the name")]
    [InlineData(null, null, "Qwen", null, null)]
    public void Licence_tokenizer_and_shape_come_from_the_metadata(string? license, string? name, string from, string? expected, string? source)
    {
        string path = folder.File("x.model");
        File.WriteAllBytes(path, Gguf(("general.architecture", "qwen3"), ("general.license", license), ("general.license.name", name), ("general.base_model.0.repo_url", from),
            ("qwen3.block_count", 2u), ("qwen3.embedding_length", 32u), ("qwen3.attention.head_count", 4u), ("qwen3.attention.head_count_kv", 2u),
            ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "qwen2"), ("tokenizer.chat_template", "{{ x }}")));
        ModelReport report = ModelInspector.Inspect(path);
        Assert.Equal((expected, true), (report.Licence?.Name, source is null || report.Licence!.Source.StartsWith(source, StringComparison.Ordinal)));
        Assert.Equal("2 layers, 32 wide, 4 heads, 2 of keys and values", report.Summary);
        Assert.Equal(new CacheSize(2 * 2 * 16 * 2, 2 * 2 * 16 * 4), report.Cache);
        Assert.Equal(("byte-level BPE (gpt2, qwen2)", true), (report.Tokenizer!.Kind, report.Tokenizer.ChatTemplate));
        Assert.Equal(license == "mit", report.Notes.Count > 0);
        TensorEntry tensor = Assert.Single(report.Tensors!);
        Assert.Equal(("w", "F32", 16L), (tensor.Name, tensor.DType, tensor.Bytes));
    }

    [Fact]
    public void A_folder_of_one_gguf_model_is_that_model_and_of_several_a_question()
    {
        File.WriteAllBytes(folder.File("a-00001-of-00002.gguf"), Gguf(("general.architecture", "qwen3")));
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal((ModelKind.Gguf, folder.File("a-00001-of-00002.gguf")), (report.Kind, report.Path));
        Assert.Equal(["a-00002-of-00002.gguf"], report.MissingShards);
        File.WriteAllBytes(folder.File("b.gguf"), Gguf(("general.architecture", "qwen3")));
        Assert.Contains("a-00001-of-00002.gguf, b.gguf", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("c.gguf"), "GGUF");
        Assert.Contains("c.gguf", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.File("c.gguf"))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>A file with these metadata and one tensor <c>w</c> of four numbers.</summary>
    private static byte[] Gguf(params (string Key, object? Value)[] metadata)
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        void Write(string text)
        {
            writer.Write((ulong)Encoding.UTF8.GetByteCount(text));
            writer.Write(Encoding.UTF8.GetBytes(text));
        }

        (string Key, object? Value)[] given = [.. metadata.Where(pair => pair.Value is not null)];
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write(1ul);
        writer.Write((ulong)given.Length);
        foreach ((string key, object? value) in given)
        {
            Write(key);
            writer.Write(value is string ? 8u : 4u);
            if (value is string text)
            {
                Write(text);
            }
            else
            {
                writer.Write((uint)value!);
            }
        }

        Write("w");
        writer.Write(1u);
        writer.Write(4ul);
        writer.Write(0u);
        writer.Write(0ul);
        writer.Write(new byte[(32 - (bytes.Position % 32)) % 32]);
        writer.Write(new byte[16]);
        return bytes.ToArray();
    }
}
