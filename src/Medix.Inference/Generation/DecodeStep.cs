using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation;

/// <summary>
/// One token for every live draw. Each thread takes some of the rows through all layers, the head and the sampler without meeting the others; for few rows
/// the products are shared out instead. A step allocates nothing.
/// </summary>
internal sealed unsafe class DecodeStep(Qwen3VLModel model, TokenSampler[] samplers, int mostRows, LogitsSink? observe) : PoolJob
{
    private readonly TextDecoder decoder = model.Decoder;
    private readonly LiveDraw[] draws = new LiveDraw[mostRows];
    private int count;
    private int block;

    /// <summary>Appends a token to each draw.</summary>
    public void Run(List<LiveDraw> live)
    {
        decoder.RequireRows(live.Count);
        decoder.RequireLogits(live.Count);
        Place(live);
        int threads = decoder.Pool.Threads;
        decoder.SplitProducts = threads > 1 && count < 2 * threads;
        block = decoder.SplitProducts ? count : (count + threads - 1) / threads;
        decoder.RequireScratch(block, MostPositions());
        if (decoder.SplitProducts)
        {
            Execute(0, 0);
        }
        else
        {
            decoder.Pool.Run(this, (count + block - 1) / block);
        }
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        int first = chunk * block, end = Math.Min(first + block, count);
        decoder.Embed(first, end);
        for (int layer = 0; layer < decoder.Layers; layer++)
        {
            decoder.StoreKeysAndValues(layer, first, end);
            decoder.AttendAndTransform(layer, first, end, worker);
        }

        decoder.NormaliseFinal(first, end);
        decoder.ComputeLogits(first, end, first);
        int vocabulary = model.Config.Text.VocabularySize;
        for (int row = first; row < end; row++)
        {
            Span<float> logits = new(decoder.Logits + ((long)row * vocabulary), vocabulary);
            observe?.Invoke(draws[row].Prompt.Request, draws[row].Count, logits);
            draws[row].Append(samplers[worker].Sample(logits, draws[row].Random), model.Config.EosTokenIds);
        }
    }

    private void Place(List<LiveDraw> live)
    {
        count = live.Count;
        for (int row = 0; row < count; row++)
        {
            LiveDraw draw = live[row];
            draws[row] = draw;
            draw.Sequence.Extend(1);
            int position = draw.Prompt.NextPosition + draw.Count - 1;
            decoder.Rotary.Require(position + 1);
            decoder.Tokens[row] = draw.LastToken;
            decoder.Sequences[row] = draw.Sequence;
            decoder.Visible[row] = draw.Sequence.Length;
        }

        for (int row = 0; row < count; row++)
        {
            decoder.Angles[row] = (nint)decoder.Rotary.Row(draws[row].Prompt.NextPosition + draws[row].Count - 1);
        }
    }

    private int MostPositions()
    {
        int most = 0;
        for (int row = 0; row < count; row++)
        {
            most = Math.Max(most, draws[row].Prompt.Length + draws[row].Sequence.Length);
        }

        return most;
    }
}
