using Medix.Inference.Qwen3VL;
using Medix.Text;

namespace Medix.Inference.Generation;

/// <summary>The state of one call of the generator: what is live, what waits, what is done.</summary>
internal sealed class GenerationSession
{
    private readonly Qwen3VLModel model;
    private readonly IReadOnlyList<GenerationRequest> requests;
    private readonly SamplingOptions options;
    private readonly int maxBatch;
    private readonly TokenVocabulary? vocabulary;
    private readonly LogitsSink? observe;
    private readonly TokenSampler[] samplers;
    private readonly DecodeStep step;
    private readonly Completion[][] results;
    private readonly List<LiveDraw> live = [];
    private readonly Queue<LiveDraw> waiting = new();
    private int nextRequest;

    public GenerationSession(
        Qwen3VLModel model,
        IReadOnlyList<GenerationRequest> requests,
        SamplingOptions options,
        int maxBatch,
        int[] banned,
        TokenVocabulary? vocabulary,
        LogitsSink? observe)
    {
        this.model = model;
        this.requests = requests;
        this.options = options;
        this.maxBatch = maxBatch;
        this.vocabulary = vocabulary;
        this.observe = observe;
        samplers = [.. Enumerable.Range(0, model.Pool.Threads).Select(_ => new TokenSampler(model.Config.Text.VocabularySize, banned))];
        results = [.. requests.Select(request => new Completion[request.DrawSeeds.Count])];
        Progress = new GenerationProgress(0, 0, requests.Sum(request => request.DrawSeeds.Count));
        int rows = Math.Min(maxBatch, Progress.Total);
        int positions = requests.Select(request => request.Input.Tokens.Length + OptionsOf(request).MaxNewTokens).DefaultIfEmpty(options.MaxNewTokens).Max();
        step = new DecodeStep(model, samplers, rows, positions, observe);
        live.EnsureCapacity(rows);
    }

    public GenerationProgress Progress { get; private set; }

    public IReadOnlyList<IReadOnlyList<Completion>> Results => results;

    /// <summary>Draws one token for every live draw; false when all are finished.</summary>
    public bool Advance()
    {
        Admit();
        if (live.Count == 0)
        {
            return false;
        }

        step.Run(live);
        live.Find(draw => draw.Fault is not null)?.Fault?.Throw();
        Progress = Progress with { Tokens = Progress.Tokens + live.Count };
        RemoveFinished();
        return true;
    }

    /// <summary>After an exception: the keys and values of whatever was not finished.</summary>
    public void GiveBack()
    {
        foreach (LiveDraw draw in live.Concat(waiting))
        {
            draw.GiveBack();
        }

        live.Clear();
        waiting.Clear();
    }

    private void Admit()
    {
        // Prompts are computed a few at a time: products of many rows are faster, and the draws that go on wait for them.
        int places = maxBatch - live.Count;
        if (live.Count > 0 && places < (maxBatch + 3) / 4)
        {
            return;
        }

        while (live.Count < maxBatch && (waiting.Count > 0 || nextRequest < requests.Count))
        {
            if (waiting.Count == 0)
            {
                ComputePrompts(maxBatch - live.Count);
            }

            while (live.Count < maxBatch && waiting.TryDequeue(out LiveDraw? draw))
            {
                live.Add(draw);
                RemoveFinished(live.Count - 1);
            }
        }
    }

    /// <summary>Computes the next prompts, enough for so many draws, and draws the first tokens.</summary>
    private void ComputePrompts(int draws)
    {
        List<int> taken = [];
        for (; nextRequest < requests.Count && draws > 0; nextRequest++)
        {
            if (requests[nextRequest].DrawSeeds.Count > 0)
            {
                taken.Add(nextRequest);
                draws -= requests[nextRequest].DrawSeeds.Count;
            }
        }

        if (taken.Count == 0)
        {
            return;
        }

        using PreparedPrompts prepared = model.Prepare([.. taken.Select(request => requests[request].Input)], null);
        List<LiveDraw[]> started = [];
        for (int i = 0; i < taken.Count; i++)
        {
            GenerationRequest request = requests[taken[i]];
            LivePrompt prompt = new(prepared.Prompts[i], taken[i], request.DrawSeeds.Count);
            started.Add([.. request.DrawSeeds.Select((seed, draw) => new LiveDraw(prompt, draw, NewState(request, seed)))]);
            Array.ForEach(started[i], waiting.Enqueue);
        }

        model.ComputePrompts(prepared, (prompt, _, logits) => DrawFirst(started[prompt], logits));
    }

    private SamplingOptions OptionsOf(GenerationRequest request) => request.Options ?? options;

    private SamplingState NewState(GenerationRequest request, ulong seed) =>
        new(OptionsOf(request), seed, request.Input.Tokens, vocabulary, model.Config.EosTokenIds);

    private void DrawFirst(LiveDraw[] draws, Span<float> logits)
    {
        observe?.Invoke(draws[0].Prompt.Request, 0, logits);
        foreach (LiveDraw draw in draws)
        {
            draw.Append(samplers[0].Sample(logits, draw.Sampling));
        }

        Progress = Progress with { Tokens = Progress.Tokens + draws.Length };
    }

    /// <summary>Keeps the order of those that stay, so that the draws of a prompt remain neighbours and share its products.</summary>
    private void RemoveFinished(int from = 0)
    {
        int kept = from;
        for (int i = from; i < live.Count; i++)
        {
            LiveDraw draw = live[i];
            if (draw.Finish is null)
            {
                live[kept++] = draw;
                continue;
            }

            results[draw.Prompt.Request][draw.Draw] = draw.Complete();
            Progress = Progress with { Finished = Progress.Finished + 1 };
        }

        live.RemoveRange(kept, live.Count - kept);
    }
}
