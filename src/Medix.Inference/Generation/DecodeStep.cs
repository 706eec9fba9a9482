using System.Runtime.ExceptionServices;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation;

/// <summary>
/// One token for every live draw. Each thread takes some of the rows through all layers, the head and the sampler without meeting the others; few rows, and those of a
/// large model, go through the layers together (<see cref="SharedLayers"/>). A step allocates nothing.
/// </summary>
internal sealed unsafe class DecodeStep : PoolJob
{
    private readonly Qwen3VLModel model;
    private readonly TextDecoder decoder;
    private readonly TokenSampler[] samplers;
    private readonly LogitsSink? observe;
    private readonly LiveDraw[] draws;
    private readonly SharedLayers shared;
    private int count;
    private int block;
    private bool sampling;

    /// <summary>Makes room for batches of <paramref name="mostRows"/> draws that see <paramref name="mostPositions"/> positions.</summary>
    public DecodeStep(Qwen3VLModel model, TokenSampler[] samplers, int mostRows, int mostPositions, LogitsSink? observe)
    {
        this.model = model;
        this.samplers = samplers;
        this.observe = observe;
        decoder = model.Decoder;
        draws = new LiveDraw[mostRows];
        shared = new SharedLayers(decoder);
        decoder.RequireRows(mostRows);
        decoder.RequireLogits(mostRows);
        RequirePositions(mostPositions);
    }

    /// <summary>Makes room for draws that see <paramref name="mostPositions"/> positions.</summary>
    public void RequirePositions(int mostPositions)
    {
        decoder.RequireScratch(Math.Max(Block(draws.Length), Math.Min(draws.Length, TextDecoder.MostSharedRows)), mostPositions);
        decoder.Rotary.Require(mostPositions);
    }

    /// <summary>Appends a token to each draw, or leaves its fault with it.</summary>
    public void Run(List<LiveDraw> live)
    {
        Place(live);
        if (decoder.SharesProducts(count))
        {
            RunTogether();
            return;
        }

        sampling = false;
        decoder.SplitProducts = false;
        block = Block(count);
        decoder.Pool.Run(this, (count + block - 1) / block);
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        if (sampling)
        {
            Sample(chunk, worker);
            return;
        }

        int first = chunk * block, end = Math.Min(first + block, count);
        decoder.Embed(first, end);
        for (int layer = 0; layer < decoder.Layers; layer++)
        {
            decoder.StoreKeysAndValues(layer, first, end);
            decoder.AttendAndTransform(layer, first, end, worker);
        }

        decoder.NormaliseFinal(first, end);
        decoder.ComputeLogits(first, end, first);
        for (int row = first; row < end; row++)
        {
            Sample(row, worker);
        }
    }

    private void RunTogether()
    {
        decoder.Embed(0, count);
        for (int layer = 0; layer < decoder.Layers; layer++)
        {
            shared.Run(layer, count);
        }

        decoder.NormaliseFinal(0, count);
        decoder.ComputeLogits(0, count, 0);
        sampling = true;
        decoder.Pool.Run(this, count);
    }

    private void Sample(int row, int worker)
    {
        int vocabulary = model.Config.Text.VocabularySize;
        Span<float> logits = new(decoder.Logits + ((long)row * vocabulary), vocabulary);
        observe?.Invoke(draws[row].Prompt.Request, draws[row].Count, logits);
        try
        {
            draws[row].Append(samplers[worker].Sample(logits, draws[row].Sampling));
        }
#pragma warning disable CA1031 // Whatever a draw's constraint or logits throw is that draw's; its neighbours go on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            draws[row].Fault = ExceptionDispatchInfo.Capture(e);
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
