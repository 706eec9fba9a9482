using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>Pages of 2 MB: reading weights once from end to end is about a tenth faster with them.
/// A request to the kernel of Linux, which may decline; nothing elsewhere.</summary>
internal static unsafe class HugePages
{
    public const int Size = 2 << 20;

    /// <summary>Pieces of memory from this size on ask for huge pages.</summary>
    public const long Smallest = 2 * Size;

    private const int MadvHugepage = 14;
    private static readonly delegate* unmanaged<void*, nuint, int, int> Advise = Find();

    public static void Ask(void* memory, nuint bytes)
    {
        if (Advise is not null)
        {
            _ = Advise(memory, bytes, MadvHugepage);
        }
    }

    private static delegate* unmanaged<void*, nuint, int, int> Find() =>
        OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc", typeof(HugePages).Assembly, null, out nint library)
        && NativeLibrary.TryGetExport(library, "madvise", out nint advise)
            ? (delegate* unmanaged<void*, nuint, int, int>)advise
            : null;
}
