using System.CommandLine;
using Medix.Cli.Chat;
using Medix.Data;
using Medix.Inference.Kernels;
using Medix.Inference.Serving;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary><c>medix chat</c>: questions to a model on this machine, with pictures.</summary>
internal static class ChatCommand
{
    /// <summary>A packed model is there at once; of one that has to be converted, a line says that something happens.</summary>
    private static readonly TimeSpan LongLoad = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "Model folder, packed (.medix) or GGUF file, or the name of a fetched repository" };
        var image = new Option<string[]>("--image") { Description = "Picture for the first question (repeatable)", DefaultValueFactory = _ => [] };
        var ask = new Option<string?>("--ask") { Description = "One question: print the answer and end" };
        var template = new Option<string>("--template")
        {
            Description = $"What a question is wrapped in: {string.Join(", ", PromptTemplate.BuiltIn)}, or a text file with {{question}}",
            DefaultValueFactory = _ => "medical",
        };
        var schema = new Option<string?>("--json-schema")
        {
            Description = "File of a JSON schema that every answer keeps to, from its first character: the model does not reason before it; --template is bare unless given",
        };
        var regex = new Option<string?>("--regex") { Description = "Pattern that every answer matches as a whole, without reasoning before it, as with --json-schema" };
        Option<WeightStorage?> storage = SharedOptions.Storage("fp32, bf16, q8, q4k or q4, of a folder or GGUF file bf16 unless given; a packed model has its own");
        Option<KeyValueStorage?> kv = SharedOptions.KeysAndValues();
        Option<int> tokens = SharedOptions.Number("--max-tokens", "Most tokens of an answer", 1024, count => count >= 1, "a whole number of at least 1");
        Option<float> temperature = SharedOptions.Number(
            "--temperature", "0 for the likeliest answer, always the same", 0f, degree => float.IsFinite(degree) && degree >= 0, "0 or a number above it");
        Option<long> seed = SharedOptions.Number("--seed", "Seed of answers at a temperature", 0L, _ => true, "a whole number below 2 to the 63");
        var thinking = new Option<bool>("--show-thinking") { Description = "Show the reasoning instead of folding it" };
        Option<int> threads = SharedOptions.Threads();
        Option<Worded<Switch>> speculation = SharedOptions.OneOf(
            "--speculation", "Guess tokens from what was said before and check several in one pass: the same answer, sooner where it repeats that", Switch.On, Switch.Off);
        var json = new Option<bool>("--json") { Description = "With --ask: the answer as one line of JSON" };
        var command = new Command("chat", "Ask a model about pictures on this machine. For research only, never for clinical use")
        {
            model, image, ask, template, schema, regex, storage, kv, tokens, temperature, seed, thinking, threads, speculation, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            AnswerForm? form = AnswerForm.Read(parsed.GetValue(schema), parsed.GetValue(regex));
            // The other templates ask for reasoning and tags, which a form has no place for.
            string wrapping = form is not null && parsed.GetResult(template) is null or { Implicit: true } ? "bare" : parsed.GetValue(template)!;
            ChatSettings settings = new(
                PromptTemplate.Load(wrapping), parsed.GetValue(tokens), parsed.GetValue(temperature), parsed.GetValue(seed), parsed.GetValue(thinking),
                form is not null);
            int count = parsed.GetValue(threads);
            string name = parsed.GetValue(model)!;
            string? question = parsed.GetValue(ask);
            if (parsed.GetValue(json) && question is null)
            {
                throw new MedixException("--json needs a question: give one with --ask.");
            }

            if (question is not null && string.IsNullOrWhiteSpace(question))
            {
                throw new MedixException("--ask is empty, expected a question. Write one, or leave --ask out for a conversation.");
            }

            ChatPicture[] pictures = [.. parsed.GetValue(image)!.Select(ChatPicture.Read)];
            using WorkerPool pool = new(count == 0 ? Machine.PhysicalCores : count);
            await using Timer loading = new(_ => Console.Error.WriteLine($"loading {name}…"), null, LongLoad, Timeout.InfiniteTimeSpan);
            using LocalChatClient client = LocalChatClient.Open(
                ModelPath.Of(name), parsed.GetValue(storage), new ServerOptions { Speculation = parsed.GetValue(speculation).Value == Switch.On ? new() : null }, pool,
                parsed.GetValue(kv));
            loading.Dispose();
            ChatSession session = new(form?.Over(client) ?? client, settings, client.SeesPictures);
            foreach (ChatPicture picture in pictures)
            {
                session.Add(picture);
            }

            return question is null
                ? await new ChatConsole(session, settings).RunAsync().ConfigureAwait(false)
                : await AskAsync(session, settings, question, parsed.GetValue(json)).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> AskAsync(ChatSession session, ChatSettings settings, string question, bool json)
    {
        using InterruptSignal interrupt = new(() => { });
        ChatAnswerView view = new(json ? TextWriter.Null : Console.Out, settings.ShowThinking, live: !json && !Console.IsOutputRedirected, settings.HasForm);
        ChatAnswer answer = await session.AskAsync(question, view.Show, interrupt.Token).ConfigureAwait(false);
        view.End(answer);
        if (json)
        {
            Console.Out.WriteLine(answer.ToJson());
        }

        return ExitCode.Success;
    }
}
