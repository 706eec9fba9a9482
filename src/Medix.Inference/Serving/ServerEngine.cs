using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Serving;

/// <summary>
/// What the server's thread does: admits requests, computes a part of the prompts, then one token for every live draw, and again. Requests come and go between these
/// steps. A step in which none does allocates nothing, beside what computing prompts takes.
/// </summary>
internal sealed class ServerEngine : IDisposable
{
    private readonly Qwen3VLModel model;
    private readonly ServerOptions options;
    private readonly RequestQueue queue;
    private readonly ServerCounters counters;
    private readonly KvPages pages;
    private readonly PrefixCache cache;
    private readonly ImageCache images;
    private readonly PageBudget budget;
    private readonly PromptComputer prompts;
    private readonly DecodeStep step;
    private readonly LoneDraw? lone;
    private readonly Func<ServerRequest, bool> fits;
    private readonly List<ServerRequest> computing = [];
    private readonly List<ServerRequest> live = [];
    private readonly List<LiveDraw> draws = [];
    private readonly List<ServerRequest> started = [];
    private readonly List<FailedRequest> failed = [];
    private int version;

    public ServerEngine(Qwen3VLModel model, ServerOptions options, RequestQueue queue, ServerCounters counters)
    {
        this.model = model;
        this.options = options;
        this.queue = queue;
        this.counters = counters;
        pages = model.Decoder.Pages;
        version = model.Version;
        long bytes = options.KeyValueBytes ?? Math.Max(pages.PageBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);
        int most = (int)Math.Min(bytes / pages.PageBytes, int.MaxValue / KvPages.Positions);
        cache = new PrefixCache(pages, (int)Math.Min(most, options.PrefixBytes is { } prefix ? prefix / pages.PageBytes : most / 2));
        images = new ImageCache(options.ImageBytes);
        budget = new PageBudget(pages, cache, most);
        int[] banned = BatchedGenerator.BannedTokens(model.Config);
        TokenSampler[] samplers = [.. Enumerable.Range(0, model.Pool.Threads).Select(_ => new TokenSampler(model.Config.Text.VocabularySize, banned))];
        prompts = new PromptComputer(model, options, budget, cache, images, samplers[0], counters);
        step = new DecodeStep(model, samplers, options.MaxLive, KvPages.Positions, null);
        lone = options.Speculation is { } guesses ? new LoneDraw(model, guesses, samplers[0]) : null;
        fits = Fits;
        live.EnsureCapacity(options.MaxLive);
        draws.EnsureCapacity(options.MaxLive);
    }

    /// <summary>Pages that all requests and the prefix cache may have together.</summary>
    public int MostPages => budget.Most;

    /// <summary>What guesses are taken to cost; null where nothing is guessed.</summary>
    public GuessCost? GuessCost => lone?.Cost;

    /// <summary>One step; false if there was nothing to do.</summary>
    public bool Advance(bool admit)
    {
        DropCancelled();
        DropStale();
        if (admit)
        {
            Admit();
        }

        bool busy = computing.Count + live.Count > 0;
        if (busy)
        {
            ComputePrompts();
            Decode();
        }
        else
        {
            lone?.Forget();
        }

        CountStates();
        return busy;
    }

    /// <summary>Ends whatever is under way with this error.</summary>
    public void FailAll(Exception error)
    {
        failed.AddRange(computing.Concat(started).Concat(live).Select(request => new FailedRequest(request, error)));
        computing.Clear();
        started.Clear();
        EndFailed();
        CountStates();
    }

    /// <summary>Gives everything back that the server held.</summary>
    public void Dispose()
    {
        cache.Clear();
        images.Dispose();
        CountStates();
    }

    private bool Fits(ServerRequest request) => computing.Count + live.Count < options.MaxLive && budget.Fits(request.MostPages, Promised(computing) + Promised(live));

    private static int Promised(List<ServerRequest> requests)
    {
        int promised = 0;
        foreach (ServerRequest request in requests)
        {
            promised += request.MostPages - request.Sequence.Held.Length;
        }

        return promised;
    }

    private void Admit()
    {
        while (queue.Take(fits) is { } request)
        {
            step.RequirePositions(request.MostPositions);
            lone?.RequirePositions(request.MostPositions);
            computing.Add(request);
        }
    }

    private void DropCancelled()
    {
        while (queue.TakeCancelled() is { } waiting)
        {
            EndCancelled(waiting);
        }

        for (int i = computing.Count - 1; i >= 0; i--)
        {
            if (computing[i].IsCancelled)
            {
                ServerRequest request = computing[i];
                computing.RemoveAt(i);
                EndCancelled(request);
            }
        }

        for (int i = live.Count - 1; i >= 0; i--)
        {
            if (live[i].IsCancelled)
            {
                ServerRequest request = live[i];
                live.RemoveAt(i);
                draws.RemoveAt(i);
                EndCancelled(request);
            }
        }
    }

    private void EndCancelled(ServerRequest request)
    {
        request.GiveBack(images);
        Interlocked.Increment(ref counters.Cancelled);
        CountStates();
        request.EndCancelled();
    }

    /// <summary>What other weights computed is of no use.</summary>
    private void DropStale()
    {
        if (version != model.Version)
        {
            version = model.Version;
            cache.Clear();
            images.Clear();
        }
    }

    private void ComputePrompts()
    {
        if (computing.Count == 0)
        {
            return;
        }

        prompts.Run(computing, started, failed);
        foreach (ServerRequest request in started)
        {
            Interlocked.Increment(ref counters.TokensGenerated);
            request.Publish();
            int place = PlaceOf(request);
            live.Insert(place, request);
            draws.Insert(place, request.Draw);
        }

        started.Clear();
        EndFailed();
        EndFinished();
    }

    /// <summary>Behind the live request with the most pages in common: neighbours read them together.</summary>
    private int PlaceOf(ServerRequest request)
    {
        int most = 0, place = live.Count;
        for (int i = 0; i < live.Count; i++)
        {
            int common = live[i].Sequence.Held.CommonPrefixLength(request.Sequence.Held);
            if (common > 0 && common >= most)
            {
                (most, place) = (common, i + 1);
            }
        }

        return place;
    }

    private void Decode()
    {
        if (live.Count == 0)
        {
            return;
        }

        try
        {
            Draw();
        }
#pragma warning disable CA1031 // Whatever the engine throws ends the requests of this step, not the server.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failed.AddRange(live.Select(request => new FailedRequest(request, e)));
            EndFailed();
            return;
        }

        foreach (ServerRequest request in live)
        {
            int drawn = request.Draw.Count - request.Published;
            if (drawn > 0)
            {
                Interlocked.Add(ref counters.TokensGenerated, drawn);
                request.Publish();
            }

            if (request.Draw.Fault is { } fault)
            {
                failed.Add(new FailedRequest(request, fault.SourceException));
            }
        }

        EndFailed();
        EndFinished();
    }

    /// <summary>One pass: a token for each live draw, or for one that is alone those that were guessed too.</summary>
    private void Draw()
    {
        LoneDraw? alone = live.Count == 1 && computing.Count == 0 ? lone : null;
        int guessed = alone?.Guess(draws[0]) ?? 0;
        MakeRoom(1 + guessed);
        Interlocked.Increment(ref counters.DecodePasses);
        Interlocked.Add(ref counters.TokensGuessed, guessed);
        if (alone is null)
        {
            step.Run(draws);
            return;
        }

        long start = options.Clock.GetTimestamp();
        if (guessed == 0)
        {
            step.Run(draws);
        }
        else
        {
            Interlocked.Add(ref counters.TokensAccepted, alone.Run(draws[0]));
        }

        alone.Learn(guessed, options.Clock.GetElapsedTime(start));
    }

    /// <summary>For so many more positions of each live draw.</summary>
    private void MakeRoom(int positions)
    {
        int wanted = 0;
        foreach (LiveDraw draw in draws)
        {
            wanted += PageBudget.For(draw.Sequence.Length + positions) - draw.Sequence.Held.Length;
        }

        budget.MakeRoom(wanted);
    }

    private void EndFinished()
    {
        for (int i = live.Count - 1; i >= 0; i--)
        {
            if (live[i].Draw.Finish is null)
            {
                continue;
            }

            ServerRequest request = live[i];
            live.RemoveAt(i);
            draws.RemoveAt(i);
            Keep(request);
            Completion completion = request.Draw.Complete();
            Interlocked.Increment(ref counters.Finished);
            CountStates();
            request.Complete(completion);
        }
    }

    /// <summary>The completion's pages too: a conversation's next prompt begins with them.</summary>
    private void Keep(ServerRequest request)
    {
        int known = request.Content.Pages.Length;
        if (cache.IsOn && request.Sequence.Length / KvPages.Positions > known)
        {
            int[] generated = new int[request.Sequence.Length - request.PromptLength];
            for (int i = 0; i < generated.Length; i++)
            {
                generated[i] = request.Draw[i].Id;
            }

            cache.Add(request.Content.PagesWith(generated), request.Sequence.Held, known);
        }
    }

    private void EndFailed()
    {
        foreach (FailedRequest ended in failed)
        {
            int place = live.IndexOf(ended.Request);
            if (place >= 0)
            {
                live.RemoveAt(place);
                draws.RemoveAt(place);
            }

            ended.Request.GiveBack(images);
            Interlocked.Increment(ref counters.Failed);
            CountStates();
            ended.Request.Fail(ended.Error);
        }

        failed.Clear();
    }

    private void CountStates()
    {
        Volatile.Write(ref counters.Live, live.Count);
        Volatile.Write(ref counters.Computing, computing.Count);
        Volatile.Write(ref counters.PagesUsed, pages.Used);
        Volatile.Write(ref counters.PagesCached, cache.Count);
        Volatile.Write(ref counters.ImageBytes, images.Bytes);
    }
}
