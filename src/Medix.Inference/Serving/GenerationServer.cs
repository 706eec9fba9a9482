using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Serving;

/// <summary>
/// Draws completions for requests that come one by one from any thread: continuous batching (Orca, OSDI 2022) over paged keys and values (arXiv 2309.06180). One
/// background thread owns the model; requests join and leave between its steps, and a long prompt is computed in parts between the others' tokens. Prompts that begin
/// alike, and images seen before, are computed once. A draw that is alone gets several tokens from a pass where its text repeats itself
/// (<see cref="ServerOptions.Speculation"/>). A completion depends on its prompt, seed, the options and the weights only: not on the other requests, nor on what
/// the caches hold, nor on <see cref="ServerOptions"/>.
/// </summary>
public sealed class GenerationServer : IDisposable, IAsyncDisposable
{
    private readonly Qwen3VLModel model;
    private readonly ServerOptions options;
    private readonly TokenVocabulary? vocabulary;
    private readonly RequestQueue queue;
    private readonly ServerCounters counters = new();
    private readonly ServerEngine engine;
    private readonly ConcurrentQueue<ModelChange> changes = new();
    // Not disposed: a late cancellation may still signal it.
    private readonly AutoResetEvent work = new(false);

    private readonly Thread thread;
    private int stopping;
    private int ended;

    /// <summary>Starts the server's thread.</summary>
    /// <param name="model">The model, which nobody else may use until the server is disposed; the server does not dispose it.</param>
    /// <param name="options">Limits; null takes the defaults. Throws <see cref="MedixException"/> with every fault.</param>
    /// <param name="vocabulary">The tokens' texts, which stop strings and constraints are about; may be left out where no options hold any.</param>
    public GenerationServer(Qwen3VLModel model, ServerOptions? options = null, TokenVocabulary? vocabulary = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        this.options = options ?? new ServerOptions();
        this.vocabulary = vocabulary;
        this.options.Check(model.Decoder.Pages.PageBytes);
        queue = new RequestQueue(this.options.MaxWaiting);
        engine = new ServerEngine(model, this.options, queue, counters);
        thread = new Thread(Loop) { IsBackground = true, Name = "Medix generation server" };
        thread.Start();
    }

    /// <summary>What the server has done and does now.</summary>
    public ServerStatistics Statistics => counters.Read(queue.Count, engine.MostPages, model.Decoder.Pages.PageBytes);

    /// <summary>For tests: what guesses are taken to cost, between two steps; null where nothing is guessed.</summary>
    internal GuessCost? GuessCost => engine.GuessCost;

    /// <summary>For tests: called by the server's thread after every step.</summary>
    internal Action? AfterStep { get; set; }

    /// <summary>
    /// Draws one completion. Throws <see cref="MedixException"/> when the input or an option cannot be used or the request exceeds the context or the memory, and
    /// <see cref="ServerBusyException"/> when the queue is full, both before any work; <see cref="OperationCanceledException"/> when cancelled, which frees its place and memory
    /// before the next token; <see cref="ObjectDisposedException"/> when the server stops; else whatever went wrong.
    /// </summary>
    public async Task<Completion> GenerateAsync(ModelInput input, SamplingOptions options, ulong seed, CancellationToken cancellationToken = default)
    {
        ServerRequest request = Request(input, options, seed, cancellationToken);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((ServerRequest)state!).Cancel(), request);
        Submit(request);
        return await request.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// The same, token by token as they are drawn: exactly those that <see cref="GenerateAsync"/> would give. A reader that is slow does not hold the server up; one that
    /// stops reading cancels the request.
    /// </summary>
    public async IAsyncEnumerable<GeneratedToken> StreamAsync(
        ModelInput input, SamplingOptions options, ulong seed, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ServerRequest request = Request(input, options, seed, cancellationToken);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((ServerRequest)state!).Cancel(), request);
        Submit(request);
        try
        {
            for (int read = 0; !request.Task.IsCompleted || read < request.Published;)
            {
                await request.WaitAsync(read).ConfigureAwait(false);
                while (read < request.Published)
                {
                    yield return request.Token(read++);
                }
            }

            await request.Task.ConfigureAwait(false);
        }
        finally
        {
            if (!request.Task.IsCompleted)
            {
                request.Cancel();
            }
        }
    }

    /// <summary>
    /// Changes the model, for instance its weights or adapter, when the requests under way have ended; those that wait are answered by the changed model. What the caches
    /// hold of the old weights is forgotten. Throws whatever <paramref name="change"/> throws.
    /// </summary>
    public async Task ChangeModelAsync(Action<Qwen3VLModel> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref stopping) != 0, this);
        ModelChange wish = new(change, cancellationToken);
        changes.Enqueue(wish);
        if (Volatile.Read(ref ended) != 0)
        {
            DropChanges();
        }

        work.Set();
        await wish.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Stops the server before its next step: requests that have not ended fail with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref stopping, 1) == 0)
        {
            work.Set();
        }

        thread.Join();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync() => await Task.Run(Dispose).ConfigureAwait(false);

    private ServerRequest Request(ModelInput input, SamplingOptions sampling, ulong seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(sampling);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref stopping) != 0, this);
        SamplingRules.Require(sampling, model.Config, input.Tokens.Length, vocabulary);
        model.Check(input);
        CheckRoom(input.Tokens.Length, sampling.MaxNewTokens);
        SamplingState state = new(sampling, seed, input.Tokens, vocabulary, model.Config.EosTokenIds);
        return new ServerRequest(new PromptContent(input, model.Config), state, model.Decoder.Pages, Wake, cancellationToken);
    }

    /// <summary>A request whose cancellation is already listened to, so that none can come too late.</summary>
    private void Submit(ServerRequest request)
    {
        queue.Add(request);
        Wake();
    }

    private void CheckRoom(int prompt, int tokens)
    {
        long positions = (long)prompt + tokens;
        if (positions > options.ContextLimit)
        {
            throw new MedixException(
                $"A prompt of {prompt} tokens and {tokens} new ones exceed the server's limit of {options.ContextLimit} (ServerOptions.ContextLimit). "
                + "Shorten the prompt, ask for fewer new tokens, or raise the limit.");
        }

        if (PageBudget.For(positions) > engine.MostPages)
        {
            throw new MedixException(
                $"A prompt of {prompt} tokens and {tokens} new ones need {PageBudget.For(positions) * model.Decoder.Pages.PageBytes} bytes of keys and values, and the server "
                + $"may use {engine.MostPages * model.Decoder.Pages.PageBytes} (ServerOptions.KeyValueBytes). Shorten the prompt, ask for fewer new tokens, or allow more memory.");
        }
    }

    private void Wake() => work.Set();

    private void Loop()
    {
        while (Volatile.Read(ref stopping) == 0)
        {
            bool busy = Step();
            AfterStep?.Invoke();
            if (!busy && changes.IsEmpty)
            {
                work.WaitOne();
            }
        }

        End();
    }

    private bool Step()
    {
        try
        {
            bool busy = engine.Advance(admit: changes.IsEmpty);
            while (!busy && changes.TryDequeue(out ModelChange? change))
            {
                change.Apply(model);
                busy = true;
            }

            return busy;
        }
#pragma warning disable CA1031 // A defect in the server ends the requests under way, not the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            engine.FailAll(e);
            return true;
        }
    }

    private void End()
    {
        ObjectDisposedException stopped = Stopped();
        engine.FailAll(stopped);
        foreach (ServerRequest request in queue.Close())
        {
            request.Fail(stopped);
        }

        Interlocked.Exchange(ref ended, 1);
        DropChanges();
        engine.Dispose();
    }

    private void DropChanges()
    {
        while (changes.TryDequeue(out ModelChange? change))
        {
            change.Done.TrySetException(Stopped());
        }
    }

    private static ObjectDisposedException Stopped() => new(nameof(GenerationServer), "The generation server was stopped before this had ended.");

    private sealed class ModelChange(Action<Qwen3VLModel> change, CancellationToken cancellation)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Apply(Qwen3VLModel model)
        {
            if (cancellation.IsCancellationRequested)
            {
                Done.TrySetCanceled(cancellation);
                return;
            }

            try
            {
                change(model);
                Done.TrySetResult();
            }
#pragma warning disable CA1031 // It belongs to whoever asked for the change.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Done.TrySetException(e);
            }
        }
    }
}
