using System.Runtime.CompilerServices;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Text;
using Microsoft.Extensions.AI;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;

namespace Medix.Inference.Serving;

/// <summary>
/// A model on this machine as a chat client: texts and pictures in, text out, whole or as it is drawn. Calls from many threads share one
/// <see cref="GenerationServer"/>, so that they are computed together and what they have in common once. A call that is cancelled gives its place up at once.
/// <para>
/// Without options an answer is drawn greedily, so that the same question gets the same answer; <see cref="ChatOptions.Seed"/> (0 unless set) decides otherwise.
/// <see cref="ChatOptions.ResponseFormat"/> with a JSON schema holds the answer to it. <see cref="ChatOptions.AdditionalProperties"/> may hold <c>min_p</c>,
/// <c>repetition_penalty</c>, <c>regex</c> (a pattern for the whole answer) and <c>logprobs</c> (true: the response's additional properties have the tokens'
/// log-probabilities). Answers are those of a research tool, never of a clinical device.
/// </para>
/// </summary>
public sealed class LocalChatClient : IChatClient
{
    private readonly LoadedModel model;
    private readonly TokenVocabulary vocabulary;
    private readonly GenerationServer server;
    private readonly ChatSampling sampling;
    private readonly ChatClientMetadata metadata;

    /// <summary>Starts a server on a model, which belongs to the client from then on.</summary>
    /// <exception cref="Medix.Runs.MedixException">The model has no tokenizer, or an option is out of its range.</exception>
    public LocalChatClient(LoadedModel model, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        model.RequirePrompts();
        vocabulary = new TokenVocabulary(model.RequireTokenizer());
        server = new GenerationServer(model.Model, options, vocabulary);
        sampling = new ChatSampling(options?.ContextLimit ?? model.Model.Config.Text.MaxPositions);
        metadata = new ChatClientMetadata("medix", null, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Folder))));
    }

    /// <summary>What the server has done and does now.</summary>
    public ServerStatistics Statistics => server.Statistics;

    /// <summary>Whether the model takes pictures; a text-only one refuses messages with any.</summary>
    public bool SeesPictures => model.Model.Config.Vision is not null;

    /// <summary>Opens a model and starts a server on it; see <see cref="ModelFolder.Open"/>.</summary>
    public static LocalChatClient Open(
        string path, WeightStorage? storage = null, ServerOptions? options = null, WorkerPool? pool = null,
        KeyValueStorage? keysAndValues = null)
    {
        LoadedModel model = ModelFolder.Open(path, storage, pool, keysAndValues);
        try
        {
            return new LocalChatClient(model, options);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="Medix.Runs.MedixException">A message or option cannot be used, or the request exceeds the context; nothing was computed then.</exception>
    /// <exception cref="ServerBusyException">Too many requests wait.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        (ModelInput input, SamplingOptions draw) = await PrepareAsync(messages, options, cancellationToken).ConfigureAwait(false);
        Completion completion = await server.GenerateAsync(input, draw, ChatSampling.SeedOf(options), cancellationToken).ConfigureAwait(false);
        ChatResponse response = new(new ChatMessage(ChatRole.Assistant, completion.Text(vocabulary)))
        {
            ModelId = metadata.DefaultModelId,
            FinishReason = Reason(completion.FinishReason),
            Usage = Usage(input, completion.Tokens.Length),
            RawRepresentation = completion,
        };
        if (ChatSampling.WantsLogProbs(options))
        {
            response.AdditionalProperties = new() { ["tokens"] = completion.Tokens, ["logprobs"] = completion.SampledLogProbs, ["raw_logprobs"] = completion.RawLogProbs };
        }

        return response;
    }

    /// <inheritdoc/>
    /// <remarks>Text that may turn out to begin a stop string, and characters that are not whole yet, are held back. The last update has the finish reason and the usage.</remarks>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        (ModelInput input, SamplingOptions draw) = await PrepareAsync(messages, options, cancellationToken).ConfigureAwait(false);
        StreamedText text = new(vocabulary);
        int tokens = 0;
        Generation.FinishReason? finish = null;
        await foreach (GeneratedToken token in server.StreamAsync(input, draw, ChatSampling.SeedOf(options), cancellationToken).ConfigureAwait(false))
        {
            tokens++;
            finish = token.FinishReason;
            string chunk = text.Add(token, finish is not null);
            if (chunk.Length > 0)
            {
                yield return new ChatResponseUpdate(ChatRole.Assistant, chunk) { ModelId = metadata.DefaultModelId };
            }
        }

        yield return new ChatResponseUpdate(ChatRole.Assistant, [new UsageContent(Usage(input, tokens))])
        {
            ModelId = metadata.DefaultModelId,
            FinishReason = finish is { } reason ? Reason(reason) : null,
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(ChatClientMetadata) ? metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Stops the server, whose requests fail, and frees the model.</summary>
    public void Dispose()
    {
        server.Dispose();
        model.Dispose();
    }

    private static ChatFinishReason Reason(Generation.FinishReason reason) =>
        reason == Generation.FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;

    private static UsageDetails Usage(ModelInput input, int tokens) =>
        new() { InputTokenCount = input.Tokens.Length, OutputTokenCount = tokens, TotalTokenCount = input.Tokens.Length + tokens };

    /// <summary>Pictures are decoded and schemas compiled away from the caller's thread.</summary>
    private Task<(ModelInput Input, SamplingOptions Options)> PrepareAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatMessage[] conversation = [.. messages];
        return Task.Run(
            () =>
            {
                ModelInput input = ChatPrompt.Build(model.RequirePrompts(), conversation, options);
                return (input, sampling.For(options, input.Tokens.Length));
            },
            cancellationToken);
    }
}
