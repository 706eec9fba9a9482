namespace Medix.Cli;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Defect = 1;
    public const int UserError = 2;
    public const int ChecksFailed = 3;

    /// <summary>128 + SIGINT, as shells expect of an interrupted program.</summary>
    public const int Interrupted = 130;
}
