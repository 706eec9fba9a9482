using Medix.Inference.Kernels;

namespace Medix.Inference.Serving;

/// <summary>
/// The pages that a server may use. A request is admitted only when the pages it may come to need are sure to be there, so none is ever stopped half-way for want of
/// memory; what the prefix cache holds beyond that is lent, and given up when it is needed.
/// </summary>
internal sealed class PageBudget(KvPages pages, PrefixCache cache, int most)
{
    public int Most => most;

    /// <summary>Pages for so many positions.</summary>
    public static int For(long positions) => checked((int)((positions + KvPages.Positions - 1) / KvPages.Positions));

    /// <summary>Whether a request of so many pages fits beside those that may yet take <paramref name="promised"/> more than they have.</summary>
    public bool Fits(int needed, int promised) => pages.Used + promised + needed <= most || pages.Used - cache.Idle + promised + needed <= most;

    /// <summary>Takes pages from the prefix cache until so many new ones can be had.</summary>
    public void MakeRoom(int wanted)
    {
        bool found = true;
        while (found && pages.Used + wanted > most)
        {
            found = cache.FreeOne();
        }
    }
}
