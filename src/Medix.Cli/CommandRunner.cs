using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using Medix.Runs;

namespace Medix.Cli;

/// <summary>Parses a command line, runs the command and turns what escapes it into an exit code.</summary>
internal static class CommandRunner
{
    public static int Run(RootCommand root, string[] args)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (ParseError error in parsed.Errors)
            {
                Console.Error.WriteLine(Said(error, parsed));
            }

            Console.Error.WriteLine($"See {string.Join(' ', PathOf(parsed.CommandResult))} --help");
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
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Standard output on a full disk, or a file that no command foresaw: the machine's fault, not the program's.
            Console.Error.WriteLine($"error: a file or the output could not be read or written ({e.Message.TrimEnd('.')}). Check permissions and the disk's free space.");
            return ExitCode.UserError;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Interrupted.");
            return ExitCode.Interrupted;
        }
    }

    /// <summary>A fault of the command line in the user's words: the parser's own name types of the program, and leave out which argument is missing.</summary>
    private static string Said(ParseError error, ParseResult parsed)
    {
        if (error.Message.StartsWith("Required command", StringComparison.Ordinal))
        {
            string[] known = [.. parsed.CommandResult.Command.Subcommands.Select(command => command.Name)];
            return $"{string.Join(' ', PathOf(parsed.CommandResult))} needs a command: {string.Join(", ", known)}.";
        }

        if (error.Message.StartsWith("Required argument missing for command", StringComparison.Ordinal))
        {
            Command command = parsed.CommandResult.Command;
            string[] missing = [.. command.Arguments.Where(argument => parsed.GetResult(argument) is not { Tokens.Count: > 0 }).Select(argument => $"<{argument.Name}>")];
            return $"{string.Join(' ', PathOf(parsed.CommandResult))} needs {string.Join(' ', missing)}: {command.Arguments[0].Description}.";
        }

        return error.Message.StartsWith("Cannot parse argument", StringComparison.Ordinal) && error.SymbolResult is OptionResult { Tokens: [.., Token given] } option
            ? $"{option.Option.Name} is '{given.Value}', expected {(option.Option.ValueType.IsValueType ? "a number in its range" : "another kind of value")}."
            : error.Message;
    }

    /// <summary>The program's name, whatever started it, and those of the commands down to this one.</summary>
    private static IEnumerable<string> PathOf(CommandResult command) =>
        command.Parent is CommandResult parent ? PathOf(parent).Append(command.Command.Name) : [Assembly.GetEntryAssembly()?.GetName().Name ?? "medix"];
}
