using System.Reflection;
using Medix.Cli;

// Help is printed before anything else is loaded: people ask for it often, and it should come at once.
if (args is [] or ["--help"] or ["-h"] or ["-?"] or ["help"])
{
    using Stream help = Assembly.GetExecutingAssembly().GetManifestResourceStream("help.txt")!;
    using Stream output = Console.OpenStandardOutput();
    help.CopyTo(output);
    return ExitCode.Success;
}

return Application.Run(args);
