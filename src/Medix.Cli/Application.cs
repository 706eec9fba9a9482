using System.CommandLine;
using System.Runtime.CompilerServices;
using Medix.Cli.Commands;

namespace Medix.Cli;

/// <summary>The whole tool.</summary>
internal static class Application
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Run(string[] args) => CommandRunner.Run(BuildRoot(), args);

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
