using System.CommandLine;
using Medix.Cli.Commands;

namespace Medix.Cli;

/// <summary><c>medix-chat</c>: the chat alone.</summary>
internal static class Program
{
    private static int Main(string[] args) => CommandRunner.Run(
        new RootCommand("Ask a medical vision-language model on this machine. A research tool, never a clinical device.") { ChatCommand.Create() }, args);
}
