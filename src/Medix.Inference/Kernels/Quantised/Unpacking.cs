using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// Unpacks units of a panel to a byte per number and scales in single precision, in the order a tile reads them; done once for many rows. A block becomes
/// <code>
/// Q4          512 bytes of numbers [group of 4 steps][output][step], 64 bytes of scales
/// Q4K         the same numbers, 64 bytes of s (twice as 16 bits for each output), 64 bytes of e·m; after 8 blocks 64 bytes of d
/// Q8 planes   1,024 bytes: for each group the lower halves and then the upper halves of the numbers; 64 bytes of scales
/// Q8 plain    512 bytes of numbers, 64 bytes of scales
/// </code>
/// </summary>
internal static unsafe class Unpacking
{
    public const int Q4Block = 576;
    public const int Q4KBlock = 640;
    public const int Q4KUnit = (Q4KPacking.Blocks * Q4KBlock) + 64;
    public const int PlanesBlock = 1088;
    private const int Line = 64;

    public static void Q4(byte* packed, int units, byte* target)
    {
        for (; units > 0; units--, packed += Q4Packing.UnitBytes)
        {
            for (int block = 0; block < 2; block++, target += Q4Block)
            {
                Nibbles(packed + (block * Q4Packing.BlockBytes), target);
                Scales(Q4Packing.Scales(packed, block)).Store((float*)(target + 512));
            }
        }
    }

    public static void Q8Planes(byte* packed, int units, byte* target)
    {
        Vector512<byte> mask = Vector512.Create((byte)15);
        for (; units > 0; units--, packed += Q8Packing.UnitBytes)
        {
            for (int block = 0; block < 2; block++, target += PlanesBlock)
            {
                byte* source = packed + (block * Q8Packing.BlockBytes);
                for (int group = 0; group < 8; group++)
                {
                    Vector512<byte> v = Vector512.Load(source + (group * Line));
                    (v & mask).Store(target + (group * 2 * Line));
                    ((v.AsUInt16() >> 4).AsByte() & mask).Store(target + (group * 2 * Line) + Line);
                }

                Scales(Q8Packing.Scales(packed, block)).Store((float*)(target + 1024));
            }
        }
    }

    public static void Q8Plain(byte* packed, int units, byte* target)
    {
        for (; units > 0; units--, packed += Q8Packing.UnitBytes)
        {
            for (int block = 0; block < 2; block++, target += Q4Block)
            {
                Buffer.MemoryCopy(packed + (block * Q8Packing.BlockBytes), target, Q8Packing.BlockBytes, Q8Packing.BlockBytes);
                Scales(Q8Packing.Scales(packed, block)).Store((float*)(target + 512));
            }
        }
    }

    public static void Q4K(byte* packed, int units, byte* target)
    {
        for (; units > 0; units--, packed += Q4KPacking.UnitBytes)
        {
            Vector512<float> e = Scales(Q4KPacking.Factors(packed) + QuantisedFormat.PanelRows);
            for (int block = 0; block < Q4KPacking.Blocks; block++, target += Q4KBlock)
            {
                Nibbles(packed + (block * Q4Packing.BlockBytes), target);
                Vector512<int> s = Widen(Q4KPacking.Scale(packed, block));
                (s | (s << 16)).Store((int*)(target + 512));
                (Vector512.ConvertToSingle(Widen(Q4KPacking.Minimum(packed, block))) * e).Store((float*)(target + 576));
            }

            Scales(Q4KPacking.Factors(packed)).Store((float*)target);
            target += Line;
        }
    }

    /// <summary>16 half-precision scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scales(ushort* halves)
    {
        Vector256<short> bits = Vector256.Load((short*)halves);
        return HalfBits.ToSingle(Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)));
    }

    /// <summary>16 bytes as integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Widen(byte* bytes)
    {
        Vector256<ushort> half = Vector256.WidenLower(Vector128.Load(bytes).ToVector256Unsafe());
        return Vector512.WidenLower(half.ToVector512Unsafe()).AsInt32();
    }

    private static void Nibbles(byte* source, byte* target)
    {
        Vector512<byte> mask = Vector512.Create((byte)15);
        for (int pair = 0; pair < 4; pair++)
        {
            Vector512<byte> v = Vector512.Load(source + (pair * Line));
            (v & mask).Store(target + (pair * 2 * Line));
            ((v.AsUInt16() >> 4).AsByte() & mask).Store(target + (pair * 2 * Line) + Line);
        }
    }
}
