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
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "Model folder, packed file, or the name of a fetched repository" };
        var image = new Option<string[]>("--image") { Description = "Picture for the first question (repeatable)", DefaultValueFactory = _ => [] };
        var ask = new Option<string?>("--ask") { Description = "One question: print the answer and end" };
        var template = new Option<string>("--template")
        {
            Description = $"What a question is wrapped in: {string.Join(", ", PromptTemplate.BuiltIn)}, or a text file with {{question}}",
            DefaultValueFactory = _ => "medical",
        };
        var storage = new Option<WeightStorage?>("--storage") { Description = "fp32, bf16, q8, q4k or q4; a packed model has its own" };
        Option<KeyValueStorage> kv = SharedOptions.KeysAndValues();
        var tokens = new Option<int>("--max-tokens") { Description = "Most tokens of an answer", DefaultValueFactory = _ => 1024 };
        var temperature = new Option<float>("--temperature") { Description = "0 for the likeliest answer, always the same", DefaultValueFactory = _ => 0 };
        var seed = new Option<long>("--seed") { Description = "Seed of answers at a temperature", DefaultValueFactory = _ => 0 };
        var thinking = new Option<bool>("--show-thinking") { Description = "Show the reasoning instead of folding it" };
        var threads = new Option<int>("--threads") { Description = "Threads, 0 for one per core", DefaultValueFactory = _ => 0 };
        var json = new Option<bool>("--json") { Description = "With --ask: the answer as one line of JSON" };
        var command = new Command("chat", "Ask a model about pictures on this machine. For research only, never for clinical use")
        {
            model, image, ask, template, storage, kv, tokens, temperature, seed, thinking, threads, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            ChatSettings settings = new(
                PromptTemplate.Load(parsed.GetValue(template)!), parsed.GetValue(tokens), parsed.GetValue(temperature), parsed.GetValue(seed), parsed.GetValue(thinking));
            int count = parsed.GetValue(threads);
            SharedOptions.Require(count is >= 0 and <= 1024, $"--threads is {count}, expected 0 (one per core) to 1024.");
            SharedOptions.Require(settings.MaxTokens >= 1, $"--max-tokens is {settings.MaxTokens}, expected at least 1.");
            SharedOptions.Require(float.IsFinite(settings.Temperature) && settings.Temperature >= 0, $"--temperature is {settings.Temperature}, expected 0 (greedy) or more.");
            string? question = parsed.GetValue(ask);
            SharedOptions.Require(question is null || !string.IsNullOrWhiteSpace(question), "--ask is empty. Give it a question, or leave it out for a conversation.");
            SharedOptions.Require(question is not null || !parsed.GetValue(json), "--json needs a question: give one with --ask.");
            using WorkerPool pool = new(count == 0 ? Machine.PhysicalCores : count);
            using LocalChatClient client = LocalChatClient.Open(
                ModelPath.Of(parsed.GetValue(model)!), parsed.GetValue(storage), pool: pool, keysAndValues: parsed.GetValue(kv));
            ChatSession session = new(client, settings);
            foreach (string path in parsed.GetValue(image)!)
            {
                session.AddImage(path);
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
        ChatAnswerView view = new(json ? TextWriter.Null : Console.Out, settings.ShowThinking, live: !json && !Console.IsOutputRedirected);
        ChatAnswer answer = await session.AskAsync(question, view.Show, interrupt.Token).ConfigureAwait(false);
        view.End(answer);
        if (json)
        {
            Console.Out.WriteLine(answer.ToJson());
        }

        return ExitCode.Success;
    }
}
