using Medix.Runs;

namespace Medix.Cli.Chat;

/// <summary>
/// The conversation at a terminal, or of lines from a pipe: a question a line, and a few commands that begin with a slash. At a terminal a person sees a fault and goes on.
/// In a pipe the conversation goes on too, but ends with an exit code that tells of it, and a question whose picture could not be read is not asked without it.
/// </summary>
internal sealed class ChatConsole(ChatSession session, ChatSettings settings)
{
    private const string Help = "/image FILE  puts a picture before the next question;  /thinking  shows the last reasoning;  /new  starts anew;  /quit  ends";
    private readonly bool piped = Console.IsInputRedirected;
    private ChatAnswer? last;
    private bool pictureFailed;
    private bool spoken;

    public async Task<int> RunAsync()
    {
        Console.WriteLine($"A research tool, never a clinical device. Do not use its answers for patients.{Environment.NewLine}{Help}");
        bool failed = false;
        while (true)
        {
            if (!piped)
            {
                Console.Write($"{Environment.NewLine}> ");
            }

            if (Console.ReadLine() is not { } line || line.Trim() is "/quit" or "/exit")
            {
                break;
            }

            spoken |= line.Trim().Length > 0;
            try
            {
                await TakeAsync(line.Trim()).ConfigureAwait(false);
            }
            catch (MedixException error)
            {
                Console.Error.WriteLine($"error: {error.Message}");
                failed = true;
            }
        }

        if (piped && !spoken)
        {
            throw new MedixException("Standard input is empty, expected questions, one a line. Write some, or ask one with --ask.");
        }

        return piped && failed ? ExitCode.UserError : ExitCode.Success;
    }

    private async Task TakeAsync(string line)
    {
        switch (line.Split(' ', 2))
        {
            case [""]:
                break;
            case ["/image", string path]:
                AddImage(path.Trim().Trim('"'));
                break;
            case ["/image"]:
                pictureFailed = piped;
                throw new MedixException("/image names no file, expected one: /image scan.png");
            case ["/thinking"]:
                Console.WriteLine(last?.Parsed.Thinking ?? "There was no reasoning.");
                break;
            case ["/new"]:
                session.Clear();
                pictureFailed = false;
                break;
            case [['/', ..], ..]:
                Console.WriteLine(Help);
                break;
            default:
                RequirePictures(line);
                await AnswerAsync(line).ConfigureAwait(false);
                break;
        }
    }

    private void AddImage(string path)
    {
        bool before = pictureFailed;
        pictureFailed = piped;
        ChatPicture picture = ChatPicture.Read(path);
        session.Add(picture);
        pictureFailed = before;
        Console.WriteLine($"{path}: {picture.Size.Width}x{picture.Size.Height} pixels, for the next question");
    }

    private void RequirePictures(string question)
    {
        if (pictureFailed)
        {
            pictureFailed = false;
            session.ClearImages();
            throw new MedixException($"'{question}' was not asked, for its picture could not be read. Mend the line with /image before it.");
        }
    }

    /// <summary>At a terminal Ctrl-C stops the answer, not the conversation; in a pipe, where nobody asks on, both.</summary>
    private async Task AnswerAsync(string question)
    {
        using InterruptSignal interrupt = new(() => { });
        ChatAnswerView view = new(Console.Out, settings.ShowThinking, live: !Console.IsOutputRedirected, settings.HasForm);
        try
        {
            last = await session.AskAsync(question, view.Show, interrupt.Token).ConfigureAwait(false);
            view.End(last);
        }
        catch (OperationCanceledException) when (!piped)
        {
            Console.WriteLine($"{Environment.NewLine}Stopped; the question is forgotten.");
        }
    }
}
