using System.Runtime.ExceptionServices;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation;

/// <summary>A prompt whose draws are not all finished.</summary>
internal sealed class LivePrompt(Prompt prompt, int request, int draws)
{
    private int unfinished = draws;

    public int Request => request;

    public KvSequence Sequence => prompt.Sequence;

    /// <summary>Rotary position of the first generated token.</summary>
    public int NextPosition { get; } = prompt.Tokens.Length + prompt.Positions.Delta;

    public int[] Tokens => prompt.Tokens;

    /// <summary>Gives the prompt's keys and values back after its last draw.</summary>
    public void FinishOne()
    {
        if (--unfinished == 0)
        {
            Sequence.Clear();
        }
    }
}

/// <summary>One completion on its way: behind the prompt's keys and values, or, where it is the prompt's only one, in the same sequence.</summary>
internal sealed class LiveDraw(LivePrompt prompt, int draw, SamplingState sampling, bool alone = false)
{
    private readonly int[] tokens = new int[sampling.Options.MaxNewTokens];
    private readonly float[] logProbs = new float[sampling.Options.MaxNewTokens];
    private readonly float[] sampledLogProbs = new float[sampling.Options.MaxNewTokens];
    private readonly float[] rawLogProbs = sampling.Options.WithRawLogProbs ? new float[sampling.Options.MaxNewTokens] : [];
    private readonly int[] textBytes = sampling.Stops is null ? [] : new int[sampling.Options.MaxNewTokens];

    public LivePrompt Prompt => prompt;

    public int Draw => draw;

    public KvSequence Sequence { get; } = alone ? prompt.Sequence : new(prompt.Sequence.Pages, prompt.Sequence, sampling.Options.MaxNewTokens);

    public SamplingState Sampling => sampling;

    public int Count { get; private set; }

    public int LastToken => tokens[Count - 1];

    public FinishReason? Finish { get; private set; }

    /// <summary>What went wrong with this draw alone: its constraint, or its logits.</summary>
    public ExceptionDispatchInfo? Fault { get; set; }

    /// <summary>A token drawn so far.</summary>
    public SampledToken this[int index] => new(tokens[index], logProbs[index], sampledLogProbs[index], rawLogProbs.Length > 0 ? rawLogProbs[index] : float.NaN);

    /// <summary>With stop strings: how many bytes of the text up to this token are part of it for certain; null without.</summary>
    public int? TextBytes(int index) => textBytes.Length > 0 ? textBytes[index] : null;

    /// <summary>Takes the next token. Where it cannot be taken (<see cref="SamplingState.Accept"/> throws), the draw ends before it.</summary>
    public void Append(SampledToken token)
    {
        FinishReason? finish = sampling.Accept(token.Id);
        tokens[Count] = token.Id;
        logProbs[Count] = token.LogProb;
        sampledLogProbs[Count] = token.SampledLogProb;
        if (rawLogProbs.Length > 0)
        {
            rawLogProbs[Count] = token.RawLogProb;
        }

        finish ??= Count + 1 == tokens.Length ? FinishReason.Length : null;
        if (textBytes.Length > 0)
        {
            // Where a text ends otherwise, nothing in it can become a stop string any more.
            textBytes[Count] = finish is null or FinishReason.StopString ? sampling.Stops!.TextBytes : sampling.Stops!.Seen;
        }

        Count++;
        Finish = finish;
    }

    /// <summary>Gives the keys and values back.</summary>
    public void GiveBack()
    {
        Sequence.Clear();
        prompt.FinishOne();
    }

    /// <summary>The completion, once finished; gives the keys and values back.</summary>
    public Completion Complete()
    {
        GiveBack();
        return new Completion(tokens[..Count], logProbs[..Count], Finish!.Value)
        {
            SampledLogProbs = sampledLogProbs[..Count],
            RawLogProbs = rawLogProbs.Length > 0 ? rawLogProbs[..Count] : null,
            StopString = sampling.Stops?.Found,
            TextBytes = sampling.Stops?.Found is null ? null : sampling.Stops.TextBytes,
        };
    }
}
