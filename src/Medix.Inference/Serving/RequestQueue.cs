namespace Medix.Inference.Serving;

/// <summary>The requests that wait, first come first served. Safe for use from any thread.</summary>
internal sealed class RequestQueue(int most)
{
    private readonly Lock gate = new();
    private readonly LinkedList<ServerRequest> waiting = new();
    private bool closed;

    public int Count
    {
        get
        {
            lock (gate)
            {
                return waiting.Count;
            }
        }
    }

    /// <summary>Takes a request in, or throws where the queue is full or closed.</summary>
    public void Add(ServerRequest request)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, typeof(GenerationServer));
            if (waiting.Count >= most)
            {
                throw new ServerBusyException(waiting.Count);
            }

            waiting.AddLast(request);
        }
    }

    /// <summary>The first request, if it satisfies; nobody overtakes it.</summary>
    public ServerRequest? Take(Func<ServerRequest, bool> fits)
    {
        lock (gate)
        {
            ServerRequest? first = waiting.First?.Value;
            if (first is null || !fits(first))
            {
                return null;
            }

            waiting.RemoveFirst();
            return first;
        }
    }

    /// <summary>Removes one cancelled request; null if there is none.</summary>
    public ServerRequest? TakeCancelled()
    {
        lock (gate)
        {
            for (LinkedListNode<ServerRequest>? node = waiting.First; node is not null; node = node.Next)
            {
                if (node.Value.IsCancelled)
                {
                    waiting.Remove(node);
                    return node.Value;
                }
            }

            return null;
        }
    }

    /// <summary>Takes in nothing more and gives the requests that waited.</summary>
    public IReadOnlyList<ServerRequest> Close()
    {
        lock (gate)
        {
            closed = true;
            ServerRequest[] rest = [.. waiting];
            waiting.Clear();
            return rest;
        }
    }
}
