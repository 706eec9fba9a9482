using System.CommandLine;
using Medix.Cli.Commands;
using Medix.Runs;

namespace Medix.Cli;

/// <summary><c>medix-chat</c>: the chat alone.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        RootCommand root = new("Ask a medical vision-language model on this machine. A research tool, never a clinical device.") { ChatCommand.Create() };
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine(string.Join(Environment.NewLine, parsed.Errors.Select(error => error.Message)));
            return ExitCode.UserError;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (MedixException e)
        {
            Console.Error.WriteLine($"error: {e.Message}");
            return ExitCode.UserError;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Interrupted.");
            return ExitCode.Interrupted;
        }
    }
}
