using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Serving;

/// <summary>
/// One request from its arrival to its end. The server's thread computes it and publishes how many tokens there are; any thread may read the published ones, wait for
/// more, and cancel.
/// </summary>
internal sealed class ServerRequest
{
    private readonly TaskCompletionSource<Completion> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SamplingState sampling;
    private readonly Action wake;
    private readonly CancellationToken cancellation;
    private readonly VisionFeatures?[] features;
    private LiveDraw? draw;
    private TaskCompletionSource? reader;
    private int published;
    private int last = -1;
    private bool cancelled;

    public ServerRequest(PromptContent content, SamplingState sampling, KvPages pages, Action wake, CancellationToken cancellation)
    {
        Content = content;
        this.sampling = sampling;
        this.wake = wake;
        this.cancellation = cancellation;
        features = new VisionFeatures?[content.Images.Count];
        Sequence = new KvSequence(pages, null, MostPositions);
        MostPages = PageBudget.For(MostPositions);
    }

    public PromptContent Content { get; }

    public int PromptLength => Content.Tokens.Length;

    /// <summary>Prompt and new tokens.</summary>
    public int MostPositions => PromptLength + sampling.Options.MaxNewTokens;

    public int MostPages { get; }

    public KvSequence Sequence { get; }

    /// <summary>The completion, when there is one.</summary>
    public Task<Completion> Task => result.Task;

    public LiveDraw Draw => draw!;

    /// <summary>Images that this request had encoded itself.</summary>
    public int ImagesEncoded { get; set; }

    public bool IsCancelled => Volatile.Read(ref cancelled);

    /// <summary>Tokens that may be read.</summary>
    public int Published => Volatile.Read(ref published);

    /// <summary>Whether the features of all images that are still to be computed are there.</summary>
    public bool SeesAll => MissingImage < 0;

    /// <summary>The first image without features, of those whose tokens are still to be computed; -1 if there is none.</summary>
    public int MissingImage
    {
        get
        {
            for (int i = 0; i < features.Length; i++)
            {
                if (features[i] is null && Content.Images[i].EndToken > Sequence.Length)
                {
                    return i;
                }
            }

            return -1;
        }
    }

    /// <summary>Gives an image its features, pinned in the cache until <see cref="Unpin"/>.</summary>
    public void See(int image, VisionFeatures seen) => features[image] = seen;

    /// <summary>The prompt with the features it has so far.</summary>
    public Prompt Prompt => new(Content.Tokens, Content.Positions, Sequence, [.. Content.Images.Select((image, i) => new FeatureRun(features[i], 0, image.Rows))]);

    /// <summary>Draws the first token from the prompt's last logits.</summary>
    public void Start(TokenSampler sampler, Span<float> logits)
    {
        LivePrompt prompt = new(new Prompt(Content.Tokens, Content.Positions, Sequence, []), 0, 1);
        draw = new LiveDraw(prompt, 0, sampling, alone: true);
        draw.Append(sampler.Sample(logits, sampling));
    }

    /// <summary>Shows readers the tokens drawn so far.</summary>
    public void Publish()
    {
        int count = draw!.Count;
        if (draw.Finish is not null)
        {
            Volatile.Write(ref last, count - 1);
        }

        Interlocked.Exchange(ref published, count);
        WakeReader();
    }

    /// <summary>A published token.</summary>
    public GeneratedToken Token(int index)
    {
        SampledToken token = draw![index];
        return new GeneratedToken(token.Id, token.LogProb, Volatile.Read(ref last) == index ? draw.Finish : null)
        {
            SampledLogProb = token.SampledLogProb,
            RawLogProb = token.RawLogProb,
            TextBytes = draw.TextBytes(index),
        };
    }

    /// <summary>Returns when more than <paramref name="read"/> tokens are published or the request has ended. One reader at a time.</summary>
    public Task WaitAsync(int read)
    {
        TaskCompletionSource mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref reader, mine);
        return Published > read || Task.IsCompleted ? System.Threading.Tasks.Task.CompletedTask : mine.Task;
    }

    /// <summary>Asks the server to drop the request.</summary>
    public void Cancel()
    {
        Volatile.Write(ref cancelled, true);
        wake();
    }

    /// <summary>Gives keys, values and features back, if it ended before its time.</summary>
    public void GiveBack(ImageCache images)
    {
        Unpin(images);
        Sequence.Clear();
    }

    /// <summary>The prompt is computed: its features are no longer read.</summary>
    public void Unpin(ImageCache images)
    {
        for (int i = 0; i < features.Length; i++)
        {
            if (features[i] is not null)
            {
                images.Unpin(Content.Images[i].Hash);
                features[i] = null;
            }
        }
    }

    /// <summary>Ends the request with its completion.</summary>
    public void Complete(Completion completion)
    {
        result.TrySetResult(completion);
        WakeReader();
    }

    /// <summary>Ends the request with an error.</summary>
    public void Fail(Exception error)
    {
        result.TrySetException(error);
        WakeReader();
    }

    /// <summary>Ends the request as its caller wished.</summary>
    public void EndCancelled()
    {
        result.TrySetCanceled(cancellation.IsCancellationRequested ? cancellation : new CancellationToken(canceled: true));
        WakeReader();
    }

    private void WakeReader()
    {
        if (Volatile.Read(ref reader) is not null)
        {
            Interlocked.Exchange(ref reader, null)?.TrySetResult();
        }
    }
}
