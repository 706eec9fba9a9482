using System.Runtime.InteropServices;
using System.Text;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>The files of a small model with random weights, as llama.cpp's converter would write them, to be changed and damaged.</summary>
internal sealed class TinyGguf
{
    private static readonly string[] Control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"];

    private TinyGguf(string architecture) => Keys["general.architecture"] = GgufValue.Of(architecture);

    public static VisionConfig Vision { get; } = new(3, 8, 2, 12, 16, 4, 2, 2, 3, 9, [0, 2]);

    /// <summary>Hidden is twice the experts' width, so that gate_up_proj alone does not show its layout.</summary>
    public static TextConfig Decoder { get; } = new(272, 16, 2, 4, 2, 8, 24, 1e-6, 10_000, null, 128, TieWordEmbeddings: false);

    public static TextConfig Mixture { get; } = Decoder with { Experts = 3, ExpertsPerToken = 2, ExpertIntermediate = 8, DenseLayers = [] };

    public Dictionary<string, GgufValue> Keys { get; } = [];

    public Dictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = [];

    /// <summary>Tensors that are not F32: their kinds. They have zeros in place of values.</summary>
    public Dictionary<string, BlockFormat> Kinds { get; } = [];

    /// <summary>The language model's file.</summary>
    public static TinyGguf Model(string architecture, TextConfig text)
    {
        TinyGguf file = new(architecture);
        file.AddAll(
            ("context_length", text.MaxPositions), ("embedding_length", text.Hidden), ("block_count", text.Layers), ("feed_forward_length", text.Intermediate),
            ("attention.head_count", text.Heads), ("attention.head_count_kv", text.KeyValueHeads), ("attention.key_length", text.HeadDim), ("n_deepstack_layers", 2));
        if (text.Experts is { } experts)
        {
            file.AddAll(("expert_count", experts), ("expert_used_count", text.ExpertsPerToken), ("expert_feed_forward_length", text.ExpertIntermediate));
        }

        file.Keys[$"{architecture}.attention.layer_norm_rms_epsilon"] = GgufValue.Of((float)text.RmsNormEpsilon);
        file.Keys[$"{architecture}.rope.freq_base"] = GgufValue.Of((float)text.RopeTheta);
        file.Keys[$"{architecture}.rope.dimension_sections"] = GgufValue.Of([2, 1, 1, 0]);
        file.AddTokenizer(text.VocabularySize);
        file.AddTensors(new("", text, null, 0, 0, 0, 0, []));
        return file;
    }

    /// <summary>The vision tower's file.</summary>
    public static TinyGguf Tower()
    {
        TinyGguf file = new("clip");
        file.Keys["clip.projector_type"] = GgufValue.Of("qwen3vl_merger");
        foreach ((string name, int value) in ((string, int)[])[
            ("block_count", Vision.Depth), ("embedding_length", Vision.Hidden), ("attention.head_count", Vision.Heads), ("feed_forward_length", Vision.Intermediate),
            ("projection_dim", Vision.OutHidden), ("patch_size", Vision.PatchSize)])
        {
            file.Keys[$"clip.vision.{name}"] = GgufValue.Of((uint)value);
        }

        file.Keys["clip.vision.is_deepstack_layers"] = GgufValue.Of([true, false, true]);
        file.Keys["clip.vision.image_mean"] = GgufValue.Of([0.25f, 0.5f, 0.7f]);
        file.Keys["clip.vision.image_std"] = GgufValue.Of([0.5f, 0.25f, 0.3f]);
        file.AddTensors(new("", Decoder with { Layers = 0, TieWordEmbeddings = true }, Vision, 0, 0, 0, 0, []));
        return file;
    }

    public string Save(TempFolder folder, string name)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)Tensors.Count);
        writer.Write((ulong)Keys.Count);
        foreach ((string key, GgufValue value) in Keys)
        {
            Text(writer, key);
            writer.Write((uint)value.Type);
            Value(writer, value);
        }

        ulong offset = 0;
        foreach ((string tensor, (long[] shape, float[] values)) in Tensors)
        {
            Text(writer, tensor);
            writer.Write(shape.Length);
            Array.ForEach([.. shape.Reverse()], writer.Write);
            BlockFormat kind = Kinds.GetValueOrDefault(tensor, BlockFormats.F32);
            writer.Write(kind.Id);
            writer.Write(offset);
            offset += (ulong)(kind.BytesOf(values.Length) + Padding(kind.BytesOf(values.Length)));
        }

        writer.Write(new byte[Padding(stream.Length)]);
        foreach ((string tensor, (_, float[] values)) in Tensors)
        {
            byte[] bytes = Kinds.TryGetValue(tensor, out BlockFormat? kind) ? new byte[kind.BytesOf(values.Length)] : MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
            writer.Write(bytes);
            writer.Write(new byte[Padding(bytes.Length)]);
        }

        File.WriteAllBytes(folder.File(name), stream.ToArray());
        return folder.File(name);
    }

    private static uint Padding(long length) => (uint)(-length & 31);

    private static void Value(BinaryWriter writer, GgufValue value)
    {
        if (value.Value is not Array array)
        {
            One(writer, value.Value);
            return;
        }

        writer.Write((uint)value.Element);
        writer.Write((ulong)array.Length);
        foreach (object element in array)
        {
            One(writer, element);
        }
    }

    private static void One(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case string text:
                Text(writer, text);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case float number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            default:
                writer.Write((uint)value);
                break;
        }
    }

    private static void Text(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private void AddAll(params (string Name, int Value)[] numbers)
    {
        string prefix = (string)Keys["general.architecture"].Value;
        Array.ForEach(numbers, number => Keys[$"{prefix}.{number.Name}"] = GgufValue.Of((uint)number.Value));
    }

    private void AddTokenizer(int rows)
    {
        string[] symbols = [.. Enumerable.Range(0, 256).Select(value => ByteAlphabet.Symbol((byte)value).ToString())];
        string[] tokens = [.. symbols, "ab", .. Control, "<think>"];
        int padding = rows - tokens.Length;
        Keys["tokenizer.ggml.model"] = GgufValue.Of("gpt2");
        Keys["tokenizer.ggml.pre"] = GgufValue.Of("qwen2");
        Keys["tokenizer.ggml.tokens"] = GgufValue.Of([.. tokens, .. Enumerable.Range(tokens.Length, padding).Select(id => $"[PAD{id}]")]);
        Keys["tokenizer.ggml.token_type"] = GgufValue.Of([.. Enumerable.Repeat(1, 257), .. Enumerable.Repeat(3, Control.Length), 4, .. Enumerable.Repeat(5, padding)]);
        Keys["tokenizer.ggml.merges"] = GgufValue.Of(["a b"]);
        Keys["tokenizer.ggml.eos_token_id"] = GgufValue.Of((uint)Array.IndexOf(tokens, "<|im_end|>"));
    }

    private void AddTensors(Qwen3VLConfig config)
    {
        bool vision = config.Vision is not null;
        SeededRandom random = Seed.Random(11);
        foreach (ExpectedTensor tensor in ModelTensors.Of(config).Where(tensor => GgufTensorNames.IsVision(tensor.Name) == vision))
        {
            IReadOnlyList<string> names = GgufTensorNames.Of(tensor.Name, config.Vision?.DeepstackIndexes ?? []);
            long[] shape = tensor.OtherShape is { } held ? [held[0], held[1] / names.Count, held[2]]
                : names.Count > 1 ? [.. tensor.Shape[..2], .. tensor.Shape[3..]]
                : tensor.Shape;
            foreach (string name in names)
            {
                Tensors[name] = (shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, side) => product * side)).Select(_ => (float)random.NextNormal())]);
            }
        }
    }
}
