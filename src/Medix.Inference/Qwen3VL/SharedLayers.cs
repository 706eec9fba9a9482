using Medix.Inference.Kernels;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// A layer for few rows of a large model, all threads working on the same rows: each product's outputs are shared out, so that the weights are read from memory once,
/// then attention by key-value head, the activation by row, experts in parts. The results are those of <see cref="TextDecoder"/>'s own order, bit for bit.
/// </summary>
internal sealed unsafe class SharedLayers(TextDecoder decoder) : PoolJob
{
    /// <summary>Rows from which on work that takes microseconds each is worth waking threads for.</summary>
    private const int ManyRows = 4;

    private Part part;
    private int layer;
    private int count;

    private enum Part
    {
        Attend,
        Activate,
        GateUp,
        Down,
        Combine,
    }

    /// <summary>The rows [0, <paramref name="rows"/>) through one layer, from the calling thread.</summary>
    public void Run(int layer, int rows)
    {
        this.layer = layer;
        count = rows;
        decoder.SplitProducts = true;
        decoder.Project(layer, 0, count);
        Dispatch(Part.Attend, decoder.KeyValueHeads);
        decoder.AddAttention(layer, 0, count);
        if (decoder.IsSparse(layer))
        {
            MixExperts();
            return;
        }

        decoder.GateAndUp(layer, 0, count);
        DispatchRows(Part.Activate);
        decoder.AddDown(layer, 0, count);
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        switch (part)
        {
            case Part.Attend:
                decoder.RotateAndStore(layer, 0, count, chunk, chunk + 1);
                decoder.AttendHeads(layer, 0, count, chunk, chunk + 1, worker);
                break;
            case Part.Activate:
                decoder.Activate(chunk, chunk + 1);
                break;
            case Part.GateUp:
                decoder.ComputeGateUp(layer, chunk, worker);
                break;
            case Part.Down:
                decoder.ComputeDown(layer, chunk, worker);
                break;
            default:
                decoder.Combine(chunk, chunk + 1);
                break;
        }
    }

    /// <summary>Parts of experts, small enough that threads finish together: all gate and up projections before the first down projection.</summary>
    private void MixExperts()
    {
        decoder.Mixture.Require(count);
        decoder.Mixture.RequireInners();
        decoder.Route(layer, 0, count);
        decoder.Mixture.Sort();
        Dispatch(Part.GateUp, decoder.Mixture.Parts);
        Dispatch(Part.Down, decoder.Mixture.Parts);
        DispatchRows(Part.Combine);
    }

    private void DispatchRows(Part next)
    {
        if (count >= ManyRows)
        {
            Dispatch(next, count);
            return;
        }

        part = next;
        for (int row = 0; row < count; row++)
        {
            Execute(row, 0);
        }
    }

    private void Dispatch(Part next, int chunks)
    {
        part = next;
        decoder.Pool.Run(this, chunks);
    }
}
