using Medix.Inference.Kernels;

namespace Medix.Inference.Serving;

/// <summary>
/// Full pages of keys and values by the digest of everything up to their end. The cache holds its pages beside the sequences that read them; of those that nobody
/// reads, it gives up the one not needed for longest, later pages before those they build on.
/// </summary>
internal sealed class PrefixCache(KvPages pages, int mostPages)
{
    private readonly Dictionary<ContentHash, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new();

    /// <summary>Whether there is room for any page at all.</summary>
    public bool IsOn => mostPages > 0;

    public int Count => entries.Count;

    /// <summary>Pages that nobody else holds.</summary>
    public int Idle
    {
        get
        {
            int idle = 0;
            foreach (Entry entry in byUse)
            {
                idle += pages.References(entry.Page) == 1 ? 1 : 0;
            }

            return idle;
        }
    }

    public bool TryGet(ContentHash hash, out nint page)
    {
        bool found = entries.TryGetValue(hash, out LinkedListNode<Entry>? node);
        page = found ? node!.Value.Page : 0;
        return found;
    }

    /// <summary>Keeps the pages from <paramref name="from"/> on, whose digests are those of <paramref name="chain"/>, and marks the whole chain as used.</summary>
    public void Add(ReadOnlySpan<ContentHash> chain, ReadOnlySpan<nint> held, int from)
    {
        if (!IsOn)
        {
            return;
        }

        Touch(chain[..from]);
        for (int i = from; i < chain.Length; i++)
        {
            if (entries.ContainsKey(chain[i]))
            {
                continue;
            }

            while (entries.Count >= mostPages)
            {
                Remove(byUse.First!);
            }

            pages.Retain(held[i]);
            entries.Add(chain[i], byUse.AddLast(new Entry(chain[i], held[i])));
        }

        Touch(chain);
    }

    /// <summary>Marks a chain as used, its first page last, so that the pages behind it go first.</summary>
    public void Touch(ReadOnlySpan<ContentHash> chain)
    {
        for (int i = chain.Length - 1; i >= 0; i--)
        {
            if (entries.TryGetValue(chain[i], out LinkedListNode<Entry>? node))
            {
                byUse.Remove(node);
                byUse.AddLast(node);
            }
        }
    }

    /// <summary>Gives up one page that nobody reads; false if there is none.</summary>
    public bool FreeOne()
    {
        for (LinkedListNode<Entry>? node = byUse.First; node is not null; node = node.Next)
        {
            if (pages.References(node.Value.Page) == 1)
            {
                Remove(node);
                return true;
            }
        }

        return false;
    }

    public void Clear()
    {
        while (byUse.First is { } node)
        {
            Remove(node);
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        byUse.Remove(node);
        entries.Remove(node.Value.Hash);
        pages.Return(node.Value.Page);
    }

    private readonly record struct Entry(ContentHash Hash, nint Page);
}
