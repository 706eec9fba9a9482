using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Serving;

/// <summary>Features of images by the digest of their patches. Those a prompt still reads are pinned; of the others, the ones not needed for longest go first.</summary>
internal sealed class ImageCache(long mostBytes) : IDisposable
{
    private readonly Dictionary<ContentHash, Entry> entries = [];
    private readonly LinkedList<Entry> byUse = new();

    /// <summary>Bytes of all features held.</summary>
    public long Bytes { get; private set; }

    /// <summary>The features of an image, pinned; null where it has to be encoded.</summary>
    public VisionFeatures? Pin(ContentHash hash)
    {
        if (!entries.TryGetValue(hash, out Entry? entry))
        {
            return null;
        }

        entry.Pins++;
        byUse.Remove(entry);
        byUse.AddLast(entry);
        return entry.Features;
    }

    /// <summary>Takes over new features, pinned once.</summary>
    public void Add(ContentHash hash, VisionFeatures features)
    {
        Entry entry = new(hash, features) { Pins = 1 };
        entries.Add(hash, entry);
        byUse.AddLast(entry);
        Bytes += entry.Bytes;
        Trim(mostBytes);
    }

    /// <summary>A prompt has read an image's features.</summary>
    public void Unpin(ContentHash hash)
    {
        entries[hash].Pins--;
        Trim(mostBytes);
    }

    /// <summary>Forgets what no prompt reads.</summary>
    public void Clear() => Trim(-1);

    public void Dispose()
    {
        foreach (Entry entry in byUse)
        {
            entry.Features.Dispose();
        }

        byUse.Clear();
        entries.Clear();
        Bytes = 0;
    }

    private void Trim(long bytes)
    {
        for (LinkedListNode<Entry>? node = byUse.First; node is not null && Bytes > bytes;)
        {
            Entry entry = node.Value;
            node = node.Next;
            if (entry.Pins == 0)
            {
                byUse.Remove(entry);
                entries.Remove(entry.Hash);
                Bytes -= entry.Bytes;
                entry.Features.Dispose();
            }
        }
    }

    private sealed class Entry(ContentHash hash, VisionFeatures features)
    {
        public ContentHash Hash => hash;

        public VisionFeatures Features => features;

        public int Pins { get; set; }

        public long Bytes { get; } = features.Merged.Length + features.Deepstack.Sum(level => level.Length);
    }
}
