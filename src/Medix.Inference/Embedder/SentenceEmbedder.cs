using System.Numerics.Tensors;
using Medix.Runs;
using Medix.Text.Encoders;
using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>
/// A BERT encoder with pooling, as sentence-transformers folders describe it (Sentence-BERT, arXiv 1908.10084): MedEmbed, bge, MiniLM.
/// Texts are batched by length, so that short ones do not wait for long ones.
/// </summary>
public sealed class SentenceEmbedder : LocalEmbedder
{
    // Enough rows to keep all cores in matrix products, few enough to stay in the caches.
    private const int TokensPerBatch = 1024;

    private readonly BertEncoder encoder;
    private readonly EncoderTokenizer tokenizer;
    private readonly EmbedderFiles files;
    private readonly int maxTokens;

    private SentenceEmbedder(EmbedderInfo info, BertEncoder encoder, EncoderTokenizer tokenizer, EmbedderFiles files)
        : base(info)
    {
        this.encoder = encoder;
        this.tokenizer = tokenizer;
        this.files = files;
        maxTokens = info.MaxTokens!.Value;
    }

    /// <inheritdoc/>
    public override void Dispose() => encoder.Dispose();

    internal static SentenceEmbedder Open(string name, EmbedderFiles files)
    {
        EncoderTokenizer tokenizer = EncoderTokenizer.Load(files.ModelFolder);
        BertConfig config = BertConfig.Read(Path.Combine(files.ModelFolder, "config.json"));
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new MedixException(
                $"{files.ModelFolder}: the tokenizer's ids reach {tokenizer.VocabularySize - 1}, but config.json says vocab_size {config.VocabularySize}. "
                + "Take tokenizer and weights from one model.");
        }

        int most = Math.Min(files.MaxTokens ?? config.MaxPositions, config.MaxPositions);
        if (most <= tokenizer.SpecialCount)
        {
            throw new MedixException($"{files.ModelFolder}: at most {most} tokens are read, of which {tokenizer.SpecialCount} are special; expected room for a text. "
                + "Correct max_seq_length of sentence_bert_config.json.");
        }

        EmbedderInfo info = new(name, EmbedderKind.Bert, config.Hidden, most, files.Pooling, files.Normalize);
        return new SentenceEmbedder(info, BertEncoder.Load(files.ModelFolder), tokenizer, files);
    }

    private protected override IReadOnlyList<TextEmbedding> EmbedAlone(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        EncodedText[] encoded = [.. texts.Select(text => tokenizer.Encode(files.Prompt + (files.LowerCase ? text.ToLowerInvariant() : text), maxTokens))];
        TextEmbedding[] result = new TextEmbedding[texts.Count];
        int[] order = [.. Enumerable.Range(0, texts.Count).OrderBy(i => encoded[i].Ids.Length)];
        for (int start = 0, end; start < order.Length; start = end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            end = start + 1;
            for (int tokens = encoded[order[start]].Ids.Length; end < order.Length && (tokens += encoded[order[end]].Ids.Length) <= TokensPerBatch;)
            {
                end++;
            }

            EncodedText[] batch = [.. order[start..end].Select(i => encoded[i])];
            ReadOnlySpan<float> states = encoder.Encode(batch);
            for (int i = 0, width = encoder.Config.Hidden; i < batch.Length; i++)
            {
                int length = batch[i].Ids.Length;
                result[order[start + i]] = new TextEmbedding(Pooled(states[..(length * width)], width), length, batch[i].Cut);
                states = states[(length * width)..];
            }
        }

        return result;
    }

    private float[] Pooled(ReadOnlySpan<float> states, int width)
    {
        float[] vector = states[..width].ToArray();
        int rows = files.Pooling == PoolingMode.Cls ? 1 : states.Length / width;
        for (int row = 1; row < rows; row++)
        {
            ReadOnlySpan<float> next = states.Slice(row * width, width);
            if (files.Pooling == PoolingMode.Max)
            {
                TensorPrimitives.Max(vector, next, vector);
            }
            else
            {
                TensorPrimitives.Add(vector, next, vector);
            }
        }

        if (files.Pooling == PoolingMode.Mean)
        {
            TensorPrimitives.Divide(vector, rows, vector);
        }

        if (files.Normalize)
        {
            Vectors.Normalise(vector);
        }

        return vector;
    }
}
