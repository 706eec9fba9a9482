using Medix.Imaging;
using Medix.Runs;

namespace Medix.Cli.Chat;

/// <summary>The conversation at a terminal, or of lines from a pipe: a question a line, and a few commands that begin with a slash.</summary>
internal sealed class ChatConsole(ChatSession session, ChatSettings settings)
{
    private const string Help = "/image FILE  puts a picture before the next question;  /thinking  shows the last reasoning;  /new  starts anew;  /quit  ends";
    private ChatAnswer? last;

    public async Task<int> RunAsync()
    {
        Console.WriteLine($"A research tool, never a clinical device. Do not use its answers for patients.{Environment.NewLine}{Help}");
        while (true)
        {
            if (!Console.IsInputRedirected)
            {
                Console.Write($"{Environment.NewLine}> ");
            }

            if (Console.ReadLine() is not { } line || line.Trim() is "/quit" or "/exit")
            {
                return ExitCode.Success;
            }

            try
            {
                await TakeAsync(line.Trim()).ConfigureAwait(false);
            }
            catch (MedixException error)
            {
                Console.Error.WriteLine($"error: {error.Message}");
            }
        }
    }

    private async Task TakeAsync(string line)
    {
        switch (line.Split(' ', 2))
        {
            case [""]:
                break;
            case ["/image", string path]:
                ImageSize size = session.AddImage(path.Trim().Trim('"'));
                Console.WriteLine($"{path.Trim()}: {size.Width}x{size.Height} pixels, for the next question");
                break;
            case ["/thinking"]:
                Console.WriteLine(last?.Parsed.Thinking ?? "There was no reasoning.");
                break;
            case ["/new"]:
                session.Clear();
                break;
            case [['/', ..], ..]:
                Console.WriteLine(Help);
                break;
            default:
                await AnswerAsync(line).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Ctrl-C stops the answer, not the conversation.</summary>
    private async Task AnswerAsync(string question)
    {
        using InterruptSignal interrupt = new(() => { });
        ChatAnswerView view = new(Console.Out, settings.ShowThinking, live: !Console.IsOutputRedirected);
        try
        {
            last = await session.AskAsync(question, view.Show, interrupt.Token).ConfigureAwait(false);
            view.End(last);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"{Environment.NewLine}Stopped; the question is forgotten.");
        }
    }
}
