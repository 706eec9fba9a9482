namespace Medix.Cli.Commands;

/// <summary>Values of an option that is on unless it is turned off.</summary>
internal enum Switch
{
    On,
    Off,
}
