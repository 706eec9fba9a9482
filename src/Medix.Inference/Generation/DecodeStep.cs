using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation;

/// <summary>
/// One token for every live draw. Each thread takes some of the rows through all layers, the head and the sampler without meeting the others; for few rows
/// the products are shared out instead. A step allocates nothing.
/// </summary>
internal sealed unsafe class DecodeStep : PoolJob
{
    private readonly Qwen3VLModel model;
    private readonly TextDecoder decoder;
    private readonly TokenSampler[] samplers;
    private readonly LogitsSink? observe;
    private readonly LiveDraw[] draws;
    private int count;
    private int block;

    /// <summary>Makes room for batches of <paramref name="mostRows"/> draws that see <paramref name="mostPositions"/> positions.</summary>
    public DecodeStep(Qwen3VLModel model, TokenSampler[] samplers, int mostRows, int mostPositions, LogitsSink? observe)
    {
        this.model = model;
        this.samplers = samplers;
        this.observe = observe;
        decoder = model.Decoder;
        draws = new LiveDraw[mostRows];
        decoder.RequireRows(mostRows);
        decoder.RequireLogits(mostRows);
        decoder.RequireScratch(Math.Max(Block(mostRows), Math.Min(mostRows, FewRows)), mostPositions);
        decoder.Rotary.Require(mostPositions);
    }

    /// <summary>So few rows that some threads would have none, or a part of a tile each.</summary>
    private int FewRows => 2 * decoder.Pool.Threads;

    /// <summary>Appends a token to each draw.</summary>
    public void Run(List<LiveDraw> live)
    {
        Place(live);
        decoder.SplitProducts = decoder.Pool.Threads > 1 && count < FewRows;
        block = decoder.SplitProducts ? count : Block(count);
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
            decoder.Tokens[row] = draw.LastToken;
            decoder.Sequences[row] = draw.Sequence;
            decoder.Visible[row] = draw.Sequence.Length;
            decoder.Angles[row] = (nint)decoder.Rotary.Row(draw.Prompt.NextPosition + draw.Count - 1);
        }
    }

    private int Block(int rows) => (rows + decoder.Pool.Threads - 1) / decoder.Pool.Threads;
}
