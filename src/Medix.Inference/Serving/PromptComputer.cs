using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Serving;

/// <summary>
/// Computes the prompts of admitted requests, some tokens per call, first come first served: takes over pages that the cache has, encodes at most one image per call,
/// and lets a request wait for a page that another is just computing.
/// </summary>
internal sealed class PromptComputer(
    Qwen3VLModel model, ServerOptions options, PageBudget budget, PrefixCache cache, ImageCache images, TokenSampler sampler, ServerCounters counters)
{
    private readonly List<PromptRange> ranges = [];
    private readonly List<ServerRequest> parts = [];
    private readonly HashSet<ContentHash> underWay = [];

    /// <summary>
    /// Goes on with the prompts; those that are done have drawn their first token and join <paramref name="started"/>, those that failed join
    /// <paramref name="failed"/> with the reason. Both leave <paramref name="computing"/>.
    /// </summary>
    public void Run(List<ServerRequest> computing, List<ServerRequest> started, List<FailedRequest> failed)
    {
        Prepare(computing, failed);
        Choose(computing);
        if (parts.Count > 0)
        {
            Compute(failed);
            Keep(started, failed);
        }

        computing.RemoveAll(request => started.Contains(request) || failed.Exists(other => other.Request == request));
    }

    /// <summary>
    /// Cached pages for all, features for those whose turn it is (others would only take memory); the first image that nobody has seen is encoded.
    /// </summary>
    private void Prepare(List<ServerRequest> computing, List<FailedRequest> failed)
    {
        bool encoded = false;
        int rows = options.PromptChunk;
        foreach (ServerRequest request in computing)
        {
            Adopt(request);
            try
            {
                encoded = encoded || (rows > 0 && !SeeKnown(request) && Encode(request));
                rows -= request.PromptLength - request.Sequence.Length;
            }
#pragma warning disable CA1031 // Whatever the engine throws ends this request, not the server.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed.Add(new FailedRequest(request, e));
                encoded = true;
            }
        }
    }

    private void Adopt(ServerRequest request)
    {
        ContentHash[] chain = request.Content.Pages;
        KvSequence sequence = request.Sequence;
        int page = sequence.Length / KvPages.Positions, first = page;
        if (sequence.Length % KvPages.Positions > 0)
        {
            return;
        }

        // The last token is always computed: its logits are what the first draw needs.
        while ((page + 1) * KvPages.Positions < request.PromptLength && cache.TryGet(chain[page], out nint held))
        {
            sequence.Adopt(held);
            page++;
        }

        if (page > first)
        {
            cache.Touch(chain.AsSpan(0, page));
            Interlocked.Add(ref counters.PromptTokensReused, (page - first) * KvPages.Positions);
        }
    }

    /// <summary>Features of images that the cache has; false if one is missing.</summary>
    private bool SeeKnown(ServerRequest request)
    {
        for (int image = request.MissingImage; image >= 0; image = request.MissingImage)
        {
            if (images.Pin(request.Content.Images[image].Hash) is not { } features)
            {
                return false;
            }

            request.See(image, features);
        }

        return true;
    }

    private bool Encode(ServerRequest request)
    {
        int missing = request.MissingImage;
        PromptImage image = request.Content.Images[missing];
        VisionFeatures features = model.EncodeImage(request.Content.Patches.AsSpan(image.FirstPatchValue, image.PatchValues), image.Grid);
        images.Add(image.Hash, features);
        request.See(missing, features);
        request.ImagesEncoded++;
        Interlocked.Increment(ref counters.ImagesEncoded);
        SeeKnown(request);
        return true;
    }

    private void Choose(List<ServerRequest> computing)
    {
        ranges.Clear();
        parts.Clear();
        underWay.Clear();
        int rows = options.PromptChunk, pages = 0;
        foreach (ServerRequest request in computing)
        {
            int from = request.Sequence.Length, to = Math.Min(request.PromptLength, from + rows);
            if (from == to || !request.SeesAll || IsUnderWay(request, from))
            {
                continue;
            }

            rows -= to - from;
            pages += PageBudget.For(to) - request.Sequence.Held.Length;
            ranges.Add(new PromptRange(request.Prompt, from, to));
            parts.Add(request);
            ContentHash[] chain = request.Content.Pages;
            underWay.UnionWith(chain[(from / KvPages.Positions)..Math.Min(chain.Length, PageBudget.For(to))]);
        }

        budget.MakeRoom(pages);
    }

    /// <summary>Whether a request in this pass computes the very page that comes next: it will be there to be taken over.</summary>
    private bool IsUnderWay(ServerRequest request, int from)
    {
        int page = from / KvPages.Positions;
        return cache.IsOn && from % KvPages.Positions == 0 && (page + 1) * KvPages.Positions < request.PromptLength
            && underWay.Contains(request.Content.Pages[page]);
    }

    private void Compute(List<FailedRequest> failed)
    {
        try
        {
            model.ComputePrompts(ranges, (part, _, logits) => Start(parts[part], logits, failed));
        }
#pragma warning disable CA1031 // Whatever the engine throws ends the requests of this pass, not the server.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failed.AddRange(parts.Select(request => new FailedRequest(request, e)));
        }
    }

    private void Start(ServerRequest request, Span<float> logits, List<FailedRequest> failed)
    {
        try
        {
            request.Start(sampler, logits);
        }
#pragma warning disable CA1031 // A draw's own fault: the other prompts of the pass go on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failed.Add(new FailedRequest(request, e));
        }
    }

    private void Keep(List<ServerRequest> started, List<FailedRequest> failed)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            ServerRequest request = parts[i];
            if (failed.Exists(other => other.Request == request))
            {
                continue;
            }

            (int from, int to) = (ranges[i].From, ranges[i].To);
            Interlocked.Add(ref counters.PromptTokensComputed, to - from);
            cache.Add(request.Content.Pages.AsSpan(0, to / KvPages.Positions), request.Sequence.Held, from / KvPages.Positions);
            if (to == request.PromptLength)
            {
                Interlocked.Add(ref counters.ImagesReused, request.Content.Images.Count - request.ImagesEncoded);
                request.Unpin(images);
                started.Add(request);
            }
        }
    }
}

/// <summary>A request and what went wrong with it.</summary>
internal sealed record FailedRequest(ServerRequest Request, Exception Error);
