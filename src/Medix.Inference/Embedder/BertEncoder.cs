using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text.Encoders;
using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>
/// A BERT encoder (arXiv 1810.04805) in single precision. The tokens of all texts of a call are the rows of one matrix, one text after the other without
/// padding; a token sees those of its own text. A text's result does not depend on the texts beside it nor on the number of threads. One call at a time.
/// </summary>
public sealed unsafe class BertEncoder : PoolJob, IDisposable
{
    private readonly BertWeights weights;
    private readonly WorkerPool pool;
    private readonly KvPages pages;
    private readonly Scratch scratch;
    private readonly AttentionRows attention;
    private readonly float epsilon;
    private AlignedMemory buffer = new(0);
    private int[] ids = [];
    private int[] types = [];
    private int[] positions = [];
    private Stage stage;
    private BertLayerWeights layer = null!;
    private int count;
    private int block;
    private float* hidden;
    private float* key;
    private float* value;
    private float* attended;
    private float* inner;

    private BertEncoder(BertConfig config, WorkerPool pool)
    {
        Config = config;
        this.pool = pool;
        epsilon = (float)config.Epsilon;
        weights = new BertWeights(config);
        pages = new KvPages(1, config.Heads, config.HeadDim, KernelSet.Best);
        scratch = new Scratch(pool.Threads);
        attention = new AttentionRows { KeyValueHeads = config.Heads, Group = 1, OutputStride = config.Hidden };
    }

    private enum Stage
    {
        Embed,
        Project,
        AttendAndTransform,
    }

    /// <summary>The model's shape.</summary>
    public BertConfig Config { get; }

    /// <summary>Whether the files had the pooler's layer.</summary>
    public bool HasPooler => weights.Pooler is not null;

    /// <summary>Reads <c>config.json</c> and the weights of a folder; F16 and BF16 weights are widened.</summary>
    /// <exception cref="MedixException">A setting that is not implemented, or tensors that are missing, misshaped or not finite.</exception>
    public static BertEncoder Load(string folder, WorkerPool? pool = null)
    {
        BertConfig config = BertConfig.Read(Path.Combine(folder, "config.json"));
        using WeightFolder files = WeightFolder.Open(folder, BertTensors.Canonical);
        bool pooler = files.Contains(BertTensors.Pooler + ".weight");
        // Before anything of the configuration's sizes is allocated.
        files.Require(pooler ? BertTensors.Of(config).Concat(BertTensors.PoolerOf(config)) : BertTensors.Of(config));
        BertEncoder encoder = new(config, pool ?? WorkerPool.Shared);
        try
        {
            float[] tensor = [];
            string held = "";
            encoder.weights.Load(new WeightLoader(Read, encoder.pool), pooler);
            return encoder;

            void Read(string name, long start, Span<float> values)
            {
                if (held != name)
                {
                    files.ReadFloat32(name, ref tensor);
                    held = name;
                }

                tensor.AsSpan(checked((int)start), values.Length).CopyTo(values);
            }
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The last hidden states [all tokens, Hidden], the texts' rows one after the other; valid until the next call.
    /// </summary>
    /// <exception cref="ArgumentException">A text is empty or longer than the model's positions, or an id is outside the vocabulary.</exception>
    public ReadOnlySpan<float> Encode(IReadOnlyList<EncodedText> texts) => Encode(texts, null);

    /// <summary>The pooler's output for the first token of every text, [texts, Hidden]: tanh(W · h + b).</summary>
    public float[] Pool(IReadOnlyList<EncodedText> texts)
    {
        BiasedLinear pooler = weights.Pooler ?? throw new InvalidOperationException("This model has no pooler.");
        Encode(texts, null);
        float[] pooled = new float[texts.Count * Config.Hidden];
        fixed (float* target = pooled)
        {
            int row = 0;
            for (int i = 0; i < texts.Count; row += texts[i++].Ids.Length)
            {
                pooler.Weight.Multiply(Row(hidden, row), Config.Hidden, target + ((long)i * Config.Hidden), Config.Hidden, 1);
                RowKernels.Add(target + ((long)i * Config.Hidden), pooler.Bias.Floats, Config.Hidden);
            }
        }

        return Array.ConvertAll(pooled, MathF.Tanh);
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int first = chunk * block, end = Math.Min(first + block, count);
        switch (stage)
        {
            case Stage.Embed:
                Embed(first, end);
                break;
            case Stage.Project:
                Project(first, end);
                break;
            default:
                AttendAndTransform(first, end, worker);
                break;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        weights.Dispose();
        pages.Dispose();
        scratch.Dispose();
        buffer.Dispose();
    }

    internal ReadOnlySpan<float> Encode(IReadOnlyList<EncodedText> texts, Observer? observe)
    {
        Arrange(texts);
        Dispatch(Stage.Embed);
        Observe(observe, "embedded");
        for (int i = 0; i < weights.Layers.Count; i++)
        {
            layer = weights.Layers[i];
            Dispatch(Stage.Project);
            Dispatch(Stage.AttendAndTransform);
            Observe(observe, $"layer.{i}");
        }

        foreach (KvSequence sequence in attention.Sequences.Distinct())
        {
            sequence.Clear();
        }

        return new ReadOnlySpan<float>(hidden, count * Config.Hidden);
    }

    private void Arrange(IReadOnlyList<EncodedText> texts)
    {
        Check(texts);
        ids = [.. texts.SelectMany(text => text.Ids)];
        types = [.. texts.SelectMany(text => text.TypeIds)];
        positions = [.. texts.SelectMany(text => Enumerable.Range(0, text.Ids.Length))];
        count = ids.Length;
        block = Math.Clamp(count / (pool.Threads * 2 * 8) * 8, 8, 64);
        int[] widths = [Config.Hidden, Config.Hidden, Config.Hidden, Config.Hidden, Config.Hidden, Config.Intermediate];
        long needed = widths.Sum(width => ((long)count * width) + 16);
        if (buffer.Length < needed * sizeof(float))
        {
            buffer.Dispose();
            buffer = AlignedMemory.OfFloats(needed);
        }

        float* next = buffer.Floats;
        hidden = Take(ref next, widths[0]);
        attention.Queries = Take(ref next, widths[1]);
        key = Take(ref next, widths[2]);
        value = Take(ref next, widths[3]);
        attended = attention.Output = Take(ref next, widths[4]);
        inner = Take(ref next, widths[5]);
        attention.QueriesOfHead = (long)count * Config.HeadDim;
        attention.Sequences = new KvSequence[count];
        attention.Visible = new int[count];
        int row = 0;
        foreach (EncodedText text in texts)
        {
            KvSequence sequence = new(pages);
            sequence.Extend(text.Ids.Length);
            attention.Sequences.AsSpan(row, text.Ids.Length).Fill(sequence);
            attention.Visible.AsSpan(row, text.Ids.Length).Fill(text.Ids.Length);
            row += text.Ids.Length;
        }

        scratch.Require(Attention.ScratchFloats(block, 1, count == 0 ? 0 : attention.Visible.Max(), pages));
    }

    private void Check(IReadOnlyList<EncodedText> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        foreach (EncodedText text in texts)
        {
            bool fits = text.Ids.Length > 0 && text.Ids.Length <= Config.MaxPositions && text.TypeIds.Length == text.Ids.Length
                && text.Ids.All(id => (uint)id < (uint)Config.VocabularySize) && text.TypeIds.All(type => (uint)type < (uint)Config.TypeVocabulary);
            if (!fits)
            {
                throw new ArgumentException(
                    $"A text has {text.Ids.Length} tokens with ids up to {text.Ids.DefaultIfEmpty().Max()}; the model reads 1 to {Config.MaxPositions} tokens "
                    + $"below {Config.VocabularySize} of {Config.TypeVocabulary} types.", nameof(texts));
            }
        }
    }

    private float* Take(ref float* next, int width)
    {
        float* taken = next;
        next += ((((long)count * width) + 15) / 16) * 16;
        return taken;
    }

    private void Embed(int first, int end)
    {
        int width = Config.Hidden;
        for (int row = first; row < end; row++)
        {
            float* target = Row(hidden, row);
            RowKernels.Scale(weights.Words.Floats + ((long)ids[row] * width), target, width, 1f);
            RowKernels.Add(target, weights.Types.Floats + ((long)types[row] * width), width);
            RowKernels.Add(target, weights.Positions.Floats + ((long)positions[row] * width), width);
            Normalise(weights.Norm, target);
        }
    }

    /// <summary>Queries, scaled, in the order of heads; keys and values to where attention reads them.</summary>
    private void Project(int first, int end)
    {
        int d = Config.HeadDim;
        float scale = 1f / MathF.Sqrt(d);
        Multiply(layer.Query, hidden, attended, first, end);
        Multiply(layer.Key, hidden, key, first, end);
        Multiply(layer.Value, hidden, value, first, end);
        for (int row = first; row < end; row++)
        {
            for (int head = 0; head < Config.Heads; head++)
            {
                long at = ((long)row * Config.Hidden) + (head * d);
                RowKernels.Scale(attended + at, attention.Queries + (head * attention.QueriesOfHead) + ((long)row * d), d, scale);
                attention.Sequences[row].Write(0, head, positions[row], key + at, value + at);
            }
        }
    }

    private void AttendAndTransform(int first, int end, int worker)
    {
        Attention.Run(attention, pages, 0, first, end, scratch[worker]);
        Multiply(layer.Projection, attended, hidden, first, end, accumulate: true);
        for (int row = first; row < end; row++)
        {
            Normalise(layer.AttentionNorm, Row(hidden, row));
        }

        float* up = inner + ((long)first * Config.Intermediate);
        layer.Up.Weight.Multiply(Row(hidden, first), Config.Hidden, up, Config.Intermediate, end - first);
        for (int row = 0; row < end - first; row++)
        {
            Activate(up + ((long)row * Config.Intermediate));
        }

        layer.Down.Weight.Multiply(up, Config.Intermediate, Row(hidden, first), Config.Hidden, end - first, accumulate: true);
        for (int row = first; row < end; row++)
        {
            RowKernels.Add(Row(hidden, row), layer.Down.Bias.Floats, Config.Hidden);
            Normalise(layer.OutputNorm, Row(hidden, row));
        }
    }

    private void Activate(float* row)
    {
        if (Config.Activation != BertActivation.Relu)
        {
            RowKernels.BiasGelu(row, layer.Up.Bias.Floats, Config.Intermediate, tanh: Config.Activation == BertActivation.GeluTanh);
            return;
        }

        RowKernels.Add(row, layer.Up.Bias.Floats, Config.Intermediate);
        for (int i = 0; i < Config.Intermediate; i++)
        {
            row[i] = MathF.Max(row[i], 0);
        }
    }

    private void Multiply(BiasedLinear linear, float* source, float* target, int first, int end, bool accumulate = false)
    {
        linear.Weight.Multiply(Row(source, first), Config.Hidden, Row(target, first), Config.Hidden, end - first, accumulate);
        for (int row = first; row < end; row++)
        {
            RowKernels.Add(Row(target, row), linear.Bias.Floats, Config.Hidden);
        }
    }

    private void Normalise(AffineNorm norm, float* row) => RowKernels.LayerNorm(row, norm.Weight.Floats, norm.Bias.Floats, row, Config.Hidden, epsilon);

    private float* Row(float* matrix, int row) => matrix + ((long)row * Config.Hidden);

    private void Dispatch(Stage next)
    {
        stage = next;
        pool.Run(this, (count + block - 1) / block);
    }

    private void Observe(Observer? observe, string name) => observe?.Invoke(name, new ReadOnlySpan<float>(hidden, count * Config.Hidden));
}
