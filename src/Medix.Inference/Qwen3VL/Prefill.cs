using Medix.Inference.Kernels;
using Medix.Text;

namespace Medix.Inference.Qwen3VL;

/// <summary>Some rows of image features, for as many placeholders; null where their tokens are already computed.</summary>
internal readonly record struct FeatureRun(VisionFeatures? Features, int First, int Rows);

/// <summary>
/// A prompt to compute: its tokens and positions, the sequence that takes its keys and values, and the features that replace its image placeholders, in their order.
/// </summary>
internal sealed record Prompt(int[] Tokens, RopeIndex Positions, KvSequence Sequence, IReadOnlyList<FeatureRun> Images);

/// <summary>The tokens [<paramref name="From"/>, <paramref name="To"/>) of a prompt whose sequence holds exactly the tokens before.</summary>
internal readonly record struct PromptRange(Prompt Prompt, int From, int To);

/// <summary>Takes the logits of one token of one prompt; they are valid during the call.</summary>
internal delegate void LogitsSink(int prompt, int token, Span<float> logits);

/// <summary>Sees intermediate values [rows, width], for tests.</summary>
internal delegate void Observer(string name, ReadOnlySpan<float> values);

/// <summary>
/// Computes prompts, or parts of them, through the decoder, many rows at a time; a long prompt goes in several passes, each attending to the keys of those before.
/// Every row is computed by itself, so the results do not depend on where a prompt is cut.
/// Image features replace the placeholders' embeddings, and DeepStack's are added after the first layers (Qwen3-VL technical report, arXiv 2511.21631).
/// </summary>
internal sealed unsafe class Prefill(TextDecoder decoder, Weights.Qwen3VLConfig config) : PoolJob, IDisposable
{
    private const int MostRows = 1024;
    private const int MostLogits = 64;

    private readonly List<Row> rows = [];
    private readonly List<Row> wanted = [];
    private readonly SharedLayers shared = new(decoder);
    private AlignedMemory mixedAngles = new(0);
    private Stage stage;
    private int layer;
    private int count;
    private int block;
    private AttentionChunks chunks;
    private int logitsFrom;

    private enum Stage
    {
        Embed,
        StoreKeysAndValues,
        Attend,
        Transform,
        Route,
        Experts,
        Combine,
        Logits,
    }

    /// <summary>Computes all ranges; <paramref name="sink"/> gets the logits of every token, or of each prompt's last one where its range reaches it.</summary>
    public void Run(IReadOnlyList<PromptRange> ranges, bool everyToken, LogitsSink sink, Observer? observe = null)
    {
        rows.Clear();
        decoder.Rotary.Require(ranges.Max(range => range.To) + 1);
        decoder.RequireRows(Math.Min(MostRows, ranges.Sum(range => range.To - range.From)));
        Prompt[] prompts = [.. ranges.Select(range => range.Prompt)];
        for (int p = 0; p < prompts.Length; p++)
        {
            AddRows(p, ranges[p], prompts, everyToken, sink, observe);
        }

        RunPass(prompts, everyToken, sink, observe);
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int first = chunk * block, end = Math.Min(first + block, count);
        switch (stage)
        {
            case Stage.Embed:
                decoder.Embed(first, end);
                break;
            case Stage.StoreKeysAndValues:
                decoder.StoreKeysAndValues(layer, first, end);
                break;
            case Stage.Attend:
                int head = chunks.Head(chunk);
                decoder.AttendHeads(layer, chunks.First(chunk), chunks.End(chunk), head, head + 1, worker);
                break;
            case Stage.Transform:
                decoder.AddAttention(layer, first, end);
                decoder.Transform(layer, first, end);
                break;
            case Stage.Route:
                decoder.AddAttention(layer, first, end);
                decoder.Route(layer, first, end);
                break;
            case Stage.Experts:
                decoder.ComputeExpert(layer, chunk, worker);
                break;
            case Stage.Combine:
                decoder.Combine(first, end);
                break;
            default:
                decoder.ComputeLogits(logitsFrom + first, logitsFrom + end, first);
                break;
        }
    }

    public void Dispose() => mixedAngles.Dispose();

    private void AddRows(int p, PromptRange range, Prompt[] prompts, bool everyToken, LogitsSink sink, Observer? observe)
    {
        Prompt prompt = range.Prompt;
        int image = 0, feature = 0;
        for (int i = 0; i < range.To; i++)
        {
            bool visual = prompt.Images.Count > 0 && IsPlaceholder(prompt.Tokens[i]);
            if (visual && feature == prompt.Images[image].Rows)
            {
                (image, feature) = (image + 1, 0);
            }

            int row = visual ? prompt.Images[image].First + feature++ : 0;
            if (i < range.From)
            {
                continue;
            }

            rows.Add(new Row(p, i, visual ? prompt.Images[image].Features : null, row));
            if (rows.Count == MostRows)
            {
                RunPass(prompts, everyToken, sink, observe);
                rows.Clear();
            }
        }
    }

    private bool IsPlaceholder(int token) => token == config.ImageTokenId || token == config.VideoTokenId;

    private void RunPass(IReadOnlyList<Prompt> prompts, bool everyToken, LogitsSink sink, Observer? observe)
    {
        if (rows.Count == 0)
        {
            return;
        }

        Place(prompts);
        count = rows.Count;
        block = Math.Clamp(count / (decoder.Pool.Threads * 2 * 8) * 8, 8, 64);
        bool together = observe is null && decoder.SharesProducts(count);
        decoder.SplitProducts = false;
        chunks = new AttentionChunks(count, decoder.KeyValueHeads, decoder.Group);
        decoder.RequireScratch(together ? count : chunks.Block, rows.Max(row => row.Token) + 1);
        Dispatch(Stage.Embed);
        Observe(observe, "text.embedding", config.Text.Hidden);
        PutFeatures(-1);
        Observe(observe, "text.embedded", config.Text.Hidden);
        for (layer = 0; layer < decoder.Layers; layer++)
        {
            if (together)
            {
                shared.Run(layer, count);
            }
            else
            {
                RunLayer(observe);
            }

            Observe(observe, $"text.layer.{layer}.before_deepstack", config.Text.Hidden);
            PutFeatures(layer);
            Observe(observe, $"text.layer.{layer}", config.Text.Hidden);
        }

        decoder.NormaliseFinal(0, count);
        Observe(observe, "text.normed", config.Text.Hidden);
        EmitLogits(prompts, everyToken, sink);
    }

    private void RunLayer(Observer? observe)
    {
        Dispatch(Stage.StoreKeysAndValues);
        Dispatch(Stage.Attend);
        if (decoder.IsSparse(layer))
        {
            MixExperts(observe);
        }
        else
        {
            Dispatch(Stage.Transform);
        }
    }

    /// <summary>All rows' tokens of one expert go through it together.</summary>
    private void MixExperts(Observer? observe)
    {
        decoder.Mixture.Require(count);
        Dispatch(Stage.Route);
        observe?.Invoke($"text.layer.{layer}.router.logits", new ReadOnlySpan<float>(decoder.Mixture.Logits, count * (config.Text.Experts ?? 0)));
        observe?.Invoke($"text.layer.{layer}.router.weights", decoder.Mixture.Shares);
        observe?.Invoke($"text.layer.{layer}.router.experts", Array.ConvertAll(decoder.Mixture.Chosen.ToArray(), expert => (float)expert));
        decoder.Mixture.Sort();
        stage = Stage.Experts;
        decoder.Pool.Run(this, config.Text.Experts ?? 0);
        Dispatch(Stage.Combine);
    }

    private void Place(IReadOnlyList<Prompt> prompts)
    {
        int width = decoder.Rotary.HeadDim;
        if (mixedAngles.Length < (long)rows.Count * width * sizeof(float))
        {
            mixedAngles.Dispose();
            mixedAngles = AlignedMemory.OfFloats((long)rows.Count * width);
        }

        for (int i = 0; i < rows.Count; i++)
        {
            Row row = rows[i];
            Prompt prompt = prompts[row.Prompt];
            prompt.Sequence.Extend(1);
            decoder.Tokens[i] = prompt.Tokens[row.Token];
            decoder.Sequences[i] = prompt.Sequence;
            decoder.Visible[i] = row.Token + 1;
            (int t, int h, int w) = (prompt.Positions.T[row.Token], prompt.Positions.H[row.Token], prompt.Positions.W[row.Token]);
            float* angles = decoder.Rotary.Row(t);
            if (t != h || t != w)
            {
                angles = mixedAngles.Floats + ((long)i * width);
                decoder.Rotary.Mix(t, h, w, angles);
            }

            decoder.Angles[i] = (nint)angles;
        }
    }

    /// <summary>Before the first layer (-1) features replace the embeddings; after layer k the k-th DeepStack features are added.</summary>
    private void PutFeatures(int after)
    {
        int hidden = config.Text.Hidden;
        for (int i = 0; i < rows.Count; i++)
        {
            if (rows[i].Features is not { } features || after >= features.Deepstack.Count)
            {
                continue;
            }

            float* target = decoder.Hidden + ((long)i * hidden);
            long offset = (long)rows[i].Feature * hidden;
            if (after < 0)
            {
                new ReadOnlySpan<float>(features.Merged.Floats + offset, hidden).CopyTo(new Span<float>(target, hidden));
            }
            else
            {
                RowKernels.Add(target, features.Deepstack[after].Floats + offset, hidden);
            }
        }
    }

    private void EmitLogits(IReadOnlyList<Prompt> prompts, bool everyToken, LogitsSink sink)
    {
        wanted.Clear();
        int hidden = config.Text.Hidden, vocabulary = config.Text.VocabularySize;
        for (int i = 0; i < rows.Count; i++)
        {
            if (everyToken || rows[i].Token == prompts[rows[i].Prompt].Tokens.Length - 1)
            {
                Buffer.MemoryCopy(
                    decoder.Hidden + ((long)i * hidden), decoder.Hidden + ((long)wanted.Count * hidden), hidden * sizeof(float), hidden * sizeof(float));
                wanted.Add(rows[i]);
            }
        }

        decoder.RequireLogits(Math.Min(wanted.Count, MostLogits));
        for (logitsFrom = 0; logitsFrom < wanted.Count; logitsFrom += MostLogits)
        {
            count = Math.Min(MostLogits, wanted.Count - logitsFrom);
            ComputeLogits();
            for (int i = 0; i < count; i++)
            {
                Row row = wanted[logitsFrom + i];
                sink(row.Prompt, row.Token, new Span<float>(decoder.Logits + ((long)i * vocabulary), vocabulary));
            }
        }
    }

    private void ComputeLogits()
    {
        decoder.SplitProducts = decoder.SharesProducts(count);
        if (decoder.SplitProducts)
        {
            decoder.ComputeLogits(logitsFrom, logitsFrom + count, 0);
            return;
        }

        block = Math.Clamp(count / (decoder.Pool.Threads * 8) * 8, 8, 64);
        Dispatch(Stage.Logits);
    }

    private void Dispatch(Stage next)
    {
        stage = next;
        decoder.Pool.Run(this, next == Stage.Attend ? chunks.Count : (count + block - 1) / block);
    }

    private void Observe(Observer? observe, string name, int width) => observe?.Invoke(name, new ReadOnlySpan<float>(decoder.Hidden, count * width));

    private readonly record struct Row(int Prompt, int Token, VisionFeatures? Features, int Feature);
}
