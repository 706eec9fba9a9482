using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Medix.Runs;
using Medix.Text.Encoders;
using Medix.Weights;
using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>
/// A table of subword vectors; a text's vector is the mean of its tokens' (model2vec, and StaticEmbedding of sentence-transformers). Rows may be shared
/// by tokens (a mapping) and weighted per token, as vocabulary-quantised models have it. Orders of magnitude faster than an encoder, and blind to word order.
/// </summary>
public sealed class StaticEmbedder : LocalEmbedder
{
    private static readonly string[] TableNames = ["embeddings", "embedding.weight", "0"];

    private readonly EncoderTokenizer tokenizer;
    private readonly EmbedderFiles files;
    private readonly float[] table;
    private readonly int[] rowOf;
    private readonly float[] weights;

    private StaticEmbedder(EmbedderInfo info, EncoderTokenizer tokenizer, EmbedderFiles files, float[] table, int[] rowOf, float[] weights)
        : base(info)
    {
        this.tokenizer = tokenizer;
        this.files = files;
        this.table = table;
        this.rowOf = rowOf;
        this.weights = weights;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    internal static StaticEmbedder Open(string name, EmbedderFiles files)
    {
        using WeightFolder tensors = WeightFolder.Open(files.ModelFolder, found => found);
        EncoderTokenizer tokenizer = EncoderTokenizer.Load(files.ModelFolder);
        string tableName = TableNames.FirstOrDefault(tensors.Contains)
            ?? throw new MedixException($"{files.ModelFolder}: the weights have none of the tensors {string.Join(", ", TableNames)}. Choose a static embedding model.");
        TensorInfo shape = tensors.Info(tableName);
        if (shape.Shape is not [> 0, > 0 and <= 1 << 20])
        {
            throw new MedixException($"{files.ModelFolder}: tensor '{tableName}' has shape {shape.ShapeText}, expected [rows, dimensions]. Fetch the file again.");
        }

        int rows = (int)shape.Shape[0], dimensions = (int)shape.Shape[1];
        bool mapped = tensors.Contains("mapping");
        int tokens = mapped ? Length(files, tensors, "mapping") : rows;
        if (tokenizer.VocabularySize > tokens)
        {
            throw new MedixException(
                $"{files.ModelFolder}: the tokenizer's ids reach {tokenizer.VocabularySize - 1}, but tensor '{(mapped ? "mapping" : tableName)}' covers {tokens} tokens. "
                + "Take tokenizer and weights from one model.");
        }

        int[] rowOf = mapped ? [.. tensors.ReadInt64("mapping").Select(row => RowIn(files, row, rows))] : [];
        float[] weights = tensors.Contains("weights") ? Weights(files, tensors, tokens) : [];
        EmbedderInfo info = new(name, EmbedderKind.Static, dimensions, files.MaxTokens, PoolingMode.Mean, files.Normalize);
        return new StaticEmbedder(info, tokenizer, files, Read(files, tensors, tableName), rowOf, weights);
    }

    private protected override IReadOnlyList<TextEmbedding> EmbedAlone(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        TextEmbedding[] result = new TextEmbedding[texts.Count];
        Parallel.For(0, texts.Count, new ParallelOptions { CancellationToken = cancellationToken }, i => result[i] = Embed(texts[i]));
        return result;
    }

    private TextEmbedding Embed(string text)
    {
        int[] ids = tokenizer.Encode(files.Prompt + text, special: false).Ids;
        if (files.DropUnknown && tokenizer.Kind == SubwordKind.WordPiece && tokenizer.UnknownId is int unknown)
        {
            ids = [.. ids.Where(id => id != unknown)];
        }

        int dimensions = Info.Dimensions, kept = Math.Min(ids.Length, files.MaxTokens ?? int.MaxValue);
        float[] sum = new float[dimensions];
        foreach (int id in ids.AsSpan(0, kept))
        {
            ReadOnlySpan<float> row = table.AsSpan((rowOf.Length > 0 ? rowOf[id] : id) * dimensions, dimensions);
            if (weights.Length > 0)
            {
                TensorPrimitives.MultiplyAdd(row, weights[id], sum, sum);
            }
            else
            {
                TensorPrimitives.Add(sum, row, sum);
            }
        }

        TensorPrimitives.Divide(sum, MathF.Max(kept, 1), sum);
        if (files.Normalize)
        {
            Vectors.Normalise(sum);
        }

        return new TextEmbedding(sum, kept, ids.Length - kept);
    }

    private static int Length(EmbedderFiles files, WeightFolder tensors, string name) => tensors.Info(name) is { Shape: [> 0 and <= 1 << 24] } tensor
        ? (int)tensor.Shape[0]
        : throw new MedixException($"{files.ModelFolder}: tensor '{name}' has shape {tensors.Info(name).ShapeText}, expected [tokens]. Fetch the file again.");

    private static int RowIn(EmbedderFiles files, long row, int rows) => row >= 0 && row < rows
        ? (int)row
        : throw new MedixException($"{files.ModelFolder}: tensor 'mapping' names row {row} of {rows}. Fetch the file again.");

    private static float[] Weights(EmbedderFiles files, WeightFolder tensors, int tokens)
    {
        int length = Length(files, tensors, "weights");
        return length >= tokens
            ? Read(files, tensors, "weights")
            : throw new MedixException($"{files.ModelFolder}: tensor 'weights' has shape [{length}], but there are {tokens} tokens. Fetch the files of one model.");
    }

    private static float[] Read(EmbedderFiles files, WeightFolder tensors, string name)
    {
        tensors.RequireFinite(name);
        ReadOnlySpan<byte> bytes = tensors.Bytes(name);
        switch (tensors.Info(name).DType)
        {
            case "I8":
                float[] values = new float[bytes.Length];
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(bytes), values);
                return values;
            case "F64":
                float[] narrowed = new float[bytes.Length / sizeof(double)];
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(bytes), narrowed);
                return narrowed;
            case "F32" or "F16" or "BF16":
                return tensors.ReadFloat32(name);
            default:
                throw new MedixException(
                    $"{files.ModelFolder}: tensor '{name}' is {tensors.Info(name).DType}, expected F32, F16, BF16, I8 or F64. Convert the weights first.");
        }
    }
}
