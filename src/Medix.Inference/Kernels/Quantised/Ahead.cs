using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Asks for weights before they are needed, every line of them.</summary>
internal static unsafe class Ahead
{
    /// <summary>How far ahead: far enough for memory's delay at full speed, near enough to be there still when it is read.</summary>
    public const int Distance = 2304;

    private const int Line = 64;

    /// <summary>The five lines from here on, <paramref name="distance"/> bytes later: a block of 4-bit numbers and its factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(byte* w, int distance = Distance)
    {
        w += distance;
        Sse.Prefetch0(w);
        Sse.Prefetch0(w + Line);
        Sse.Prefetch0(w + (2 * Line));
        Sse.Prefetch0(w + (3 * Line));
        Sse.Prefetch0(w + (4 * Line));
    }

    /// <summary>Nine lines: a unit of two blocks of 4-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unit(byte* w)
    {
        Block(w);
        w += Distance + (5 * Line);
        Sse.Prefetch0(w);
        Sse.Prefetch0(w + Line);
        Sse.Prefetch0(w + (2 * Line));
        Sse.Prefetch0(w + (3 * Line));
    }

    /// <summary>Five lines from here on, for the second cache: what a tile on unpacked numbers will unpack next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NextPass(byte* packed)
    {
        Sse.Prefetch1(packed);
        Sse.Prefetch1(packed + Line);
        Sse.Prefetch1(packed + (2 * Line));
        Sse.Prefetch1(packed + (3 * Line));
        Sse.Prefetch1(packed + (4 * Line));
    }
}
