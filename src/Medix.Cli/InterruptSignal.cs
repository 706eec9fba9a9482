using System.Runtime.InteropServices;

namespace Medix.Cli;

/// <summary>Ctrl-C and SIGTERM as a cancellation: the first asks for a clean stop, the second ends the process as usual.</summary>
internal sealed class InterruptSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    public InterruptSignal(Action firstTime)
    {
        void Handle(PosixSignalContext context)
        {
            if (source.IsCancellationRequested)
            {
                return; // the default action ends the process
            }

            context.Cancel = true;
            firstTime();
            source.Cancel();
        }

        registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle)];
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
        {
            registration.Dispose();
        }

        source.Dispose();
    }
}
