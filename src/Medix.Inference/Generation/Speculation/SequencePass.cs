using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// Several successive tokens of one sequence in one pass, so that the weights are read once for all of them. In each layer all their keys and values are stored before
/// any attends, and each sees those up to its own: the result is that of one token after the other, bit for bit. Allocates nothing.
/// </summary>
internal sealed unsafe class SequencePass
{
    private readonly TextDecoder decoder;
    private readonly SharedLayers layers;
    private readonly int vocabulary;

    /// <summary>Makes room for passes of <paramref name="mostRows"/> tokens that see <paramref name="mostPositions"/> positions.</summary>
    public SequencePass(Qwen3VLModel model, int mostRows, int mostPositions)
    {
        decoder = model.Decoder;
        layers = new SharedLayers(decoder);
        vocabulary = model.Config.Text.VocabularySize;
        MostRows = mostRows;
        decoder.RequireRows(mostRows);
        decoder.RequireLogits(mostRows);
        RequirePositions(mostPositions);
    }

    /// <summary>Tokens of a pass at most.</summary>
    public int MostRows { get; }

    /// <summary>Makes room for passes that see <paramref name="mostPositions"/> positions.</summary>
    public void RequirePositions(int mostPositions)
    {
        decoder.RequireScratch(MostRows, mostPositions);
        decoder.Rotary.Require(mostPositions);
    }

    /// <summary>
    /// Appends <paramref name="tokens"/> to the sequence, the first at rotary position <paramref name="position"/>, and computes the logits of those from
    /// <paramref name="wanted"/> on.
    /// </summary>
    public void Run(KvSequence sequence, ReadOnlySpan<int> tokens, int position, int wanted = 0)
    {
        int count = tokens.Length, before = sequence.Length;
        sequence.Extend(count);
        for (int row = 0; row < count; row++)
        {
            decoder.Tokens[row] = tokens[row];
            decoder.Sequences[row] = sequence;
            decoder.Visible[row] = before + row + 1;
            decoder.Angles[row] = (nint)decoder.Rotary.Row(position + row);
        }

        decoder.Embed(0, count);
        for (int layer = 0; layer < decoder.Layers; layer++)
        {
            layers.Run(layer, count);
        }

        decoder.NormaliseFinal(wanted, count);
        decoder.ComputeLogits(wanted, count, wanted);
    }

    /// <summary>The logits [vocabulary] of one of the last pass's tokens, until the model's next computation.</summary>
    public Span<float> Logits(int row) => new(decoder.Logits + ((long)row * vocabulary), vocabulary);
}
