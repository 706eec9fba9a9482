using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Generation;

/// <summary>A prompt whose draws are not all finished.</summary>
internal sealed class LivePrompt(Prompt prompt, int request, int draws)
{
    private int unfinished = draws;

    public int Request => request;

    public KvSequence Sequence => prompt.Sequence;

    /// <summary>Rotary position of the first generated token.</summary>
    public int NextPosition { get; } = prompt.Tokens.Length + prompt.Positions.Delta;

    public int Length => prompt.Tokens.Length;

    /// <summary>Gives the prompt's keys and values back after its last draw.</summary>
    public void FinishOne()
    {
        if (--unfinished == 0)
        {
            Sequence.Clear();
        }
    }
}

/// <summary>One completion on its way.</summary>
internal sealed class LiveDraw(LivePrompt prompt, int draw, ulong seed, int mostTokens)
{
    private readonly int[] tokens = new int[mostTokens];
    private readonly float[] logProbs = new float[mostTokens];

    public LivePrompt Prompt => prompt;

    public int Draw => draw;

    public KvSequence Sequence { get; } = new(prompt.Sequence.Pages, prompt.Sequence, mostTokens);

    public SeededRandom Random { get; } = Seed.Random(seed);

    public int Count { get; private set; }

    public int LastToken => tokens[Count - 1];

    public FinishReason? Finish { get; private set; }

    public void Append(SampledToken token, IReadOnlyList<int> endTokens)
    {
        tokens[Count] = token.Id;
        logProbs[Count++] = token.LogProb;
        for (int i = 0; i < endTokens.Count; i++)
        {
            if (endTokens[i] == token.Id)
            {
                Finish = FinishReason.Stop;
            }
        }

        Finish ??= Count == tokens.Length ? FinishReason.Length : null;
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
        return new Completion(tokens[..Count], logProbs[..Count], Finish!.Value);
    }
}
