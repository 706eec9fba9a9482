using System.CommandLine;
using System.Runtime.CompilerServices;
using Medix.Cli.Commands;
using Medix.Runs;

namespace Medix.Cli;

/// <summary>Parses the command line, runs a command and turns what escapes it into an exit code.</summary>
internal static class Application
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Run(string[] args)
    {
        ParseResult parsed = BuildRoot().Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine(error.Message);
            }

            Command command = parsed.CommandResult.Command;
            Console.Error.WriteLine(command is RootCommand ? "See medix --help" : $"See medix {command.Name} --help");
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

    /// <summary>The whole command tree.</summary>
    public static RootCommand BuildRoot() => new("Train, evaluate and serve medical vision-language models by reinforcement learning. A research tool, never a clinical device.")
    {
        TrainCommand.Create(),
        DataCommand.Create(),
        PullCommand.Create(),
        DoctorCommand.Create(),
        RecipesCommand.Create(),
        InitCommand.Create(),
        AdapterCommand.Create(),
        ChatCommand.Create(),
        EmbedCommand.Create(),
        ImportCommand.Create(),
        ExportCommand.Create(),
        InspectCommand.Create(),
        QuantizeCommand.Create(),
        BenchCommand.Create(),
    };
}
