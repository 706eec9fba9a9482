namespace Medix.Inference.Serving;

/// <summary>The server's queue is full: the request was not taken, nothing was computed for it, and it may be sent again later.</summary>
public sealed class ServerBusyException : Exception
{
    /// <summary>Creates the error for a queue of so many requests.</summary>
    public ServerBusyException(int waiting)
        : base($"The generation server is busy: {waiting} requests wait already, as many as ServerOptions.MaxWaiting allows. Send the request again later.")
    {
    }
}
