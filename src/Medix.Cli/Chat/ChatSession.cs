using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Medix.Data;
using Medix.Imaging;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using Microsoft.Extensions.AI;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;

namespace Medix.Cli.Chat;

/// <summary>How a conversation is held; <paramref name="HasForm"/> where all of an answer keeps to an <see cref="AnswerForm"/>.</summary>
internal sealed record ChatSettings(PromptTemplate Template, int MaxTokens, float Temperature, long Seed, bool ShowThinking, bool HasForm = false);

/// <summary>An answer taken apart, and what it took.</summary>
internal sealed record ChatAnswer(string Text, ParsedResponse Parsed, int PromptTokens, int Tokens, double FirstTokenSeconds, double Seconds, bool Cut)
{
    /// <summary>Passes of the model that drew the tokens after the first one.</summary>
    public long Passes { get; init; }

    /// <summary>Tokens of such a pass in the mean, more than 1 where guessed tokens were right; null where there was no pass.</summary>
    public double? TokensPerPass => Passes > 0 ? Math.Round((Tokens - 1) / (double)Passes, 2) : null;

    /// <summary>Tokens per second after the first one; null where all came at once, too fast to time.</summary>
    public double? TokensPerSecond => Tokens > 1 && Seconds - FirstTokenSeconds > 0.005 ? Math.Round((Tokens - 1) / (Seconds - FirstTokenSeconds), 2) : null;

    public string ToJson() => new JsonObject
    {
        ["modality"] = Parsed.Modality,
        ["thinking"] = Parsed.Thinking,
        ["answer"] = Parsed.Answer,
        ["wellFormed"] = Parsed.WellFormed,
        ["cut"] = Cut,
        ["text"] = Text,
        ["promptTokens"] = PromptTokens,
        ["tokens"] = Tokens,
        ["firstTokenSeconds"] = Math.Round(FirstTokenSeconds, 3),
        ["tokensPerSecond"] = TokensPerSecond,
        ["tokensPerPass"] = TokensPerPass,
        ["notice"] = ChatAnswerView.Notice,
    }.ToJsonString();
}

/// <summary>A picture's file and its upright size.</summary>
internal sealed record ChatPicture(string Path, byte[] Bytes, ImageSize Size)
{
    /// <summary>Reads a picture; throws <see cref="MedixException"/> where it is none or cannot be read.</summary>
    public static ChatPicture Read(string path)
    {
        try
        {
            byte[] bytes = Directory.Exists(path) ? throw new IOException("it is a folder") : File.ReadAllBytes(path);
            ImageSize size = ImageDecoding.ReadSize(bytes, path);
            double ratio = (double)Math.Max(size.Width, size.Height) / Math.Max(1, Math.Min(size.Width, size.Height));
            return ratio <= SmartResize.MaxAspectRatio
                ? new ChatPicture(path, bytes, size)
                : throw new MedixException(
                    $"{path}: the picture is {size.Width}x{size.Height} pixels, one side {ratio:0} times the other; at most {SmartResize.MaxAspectRatio} is accepted. Crop it.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MedixException($"{path}: the picture cannot be read ({error.Message.TrimEnd('.')}). Check the path.", error);
        }
    }
}

/// <summary>A conversation with a model: what was said so far, and the pictures of the next question.</summary>
internal sealed class ChatSession(IChatClient client, ChatSettings settings, bool seesPictures)
{
    private readonly List<ChatMessage> messages = [];
    private readonly List<AIContent> images = [];

    /// <summary>Puts a picture before the next question; throws <see cref="MedixException"/> where the model reads text only.</summary>
    public void Add(ChatPicture picture)
    {
        if (!seesPictures)
        {
            throw new MedixException(
                $"{picture.Path}: the model has no vision tower and reads text only. Leave the picture out, or name a model that sees; of a GGUF file, the tower is a "
                + "second file whose name begins with mmproj, in the same folder.");
        }

        images.Add(new DataContent(picture.Bytes, "image/*") { Name = picture.Path });
    }

    /// <summary>Forgets the pictures of the next question.</summary>
    public void ClearImages() => images.Clear();

    /// <summary>Forgets the conversation.</summary>
    public void Clear()
    {
        messages.Clear();
        images.Clear();
    }

    /// <summary>
    /// Asks; <paramref name="show"/> is given the whole text so far whenever it has grown. A question that fails or is stopped leaves the conversation as it was.
    /// </summary>
    public async Task<ChatAnswer> AskAsync(string question, Action<string> show, CancellationToken cancellationToken)
    {
        ChatMessage asked = new(ChatRole.User, [.. images, new TextContent(settings.Template.Wrap(question))]);
        ChatOptions options = new() { MaxOutputTokens = settings.MaxTokens, Temperature = settings.Temperature, Seed = settings.Seed };
        StringBuilder text = new();
        long passes = DecodePasses();
        long start = Stopwatch.GetTimestamp();
        double first = 0;
        UsageDetails usage = new();
        ChatFinishReason? finish = null;
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([.. messages, asked], options, cancellationToken).ConfigureAwait(false))
        {
            first = first == 0 ? Stopwatch.GetElapsedTime(start).TotalSeconds : first;
            usage = update.Contents.OfType<UsageContent>().FirstOrDefault()?.Details ?? usage;
            finish = update.FinishReason ?? finish;
            if (update.Text.Length > 0)
            {
                text.Append(update.Text);
                show(text.ToString());
            }
        }

        messages.Add(asked);
        messages.Add(new ChatMessage(ChatRole.Assistant, text.ToString()));
        images.Clear();
        ParsedResponse parsed = settings.HasForm ? AnswerForm.Parse(text.ToString()) : ResponseParser.Parse(text.ToString());
        return new ChatAnswer(
            text.ToString(), parsed, (int)(usage.InputTokenCount ?? 0), (int)(usage.OutputTokenCount ?? 0), first,
            Stopwatch.GetElapsedTime(start).TotalSeconds, finish == ChatFinishReason.Length)
        {
            Passes = DecodePasses() - passes,
        };
    }

    private long DecodePasses() => client.GetService<LocalChatClient>()?.Statistics.DecodePasses ?? 0;
}
