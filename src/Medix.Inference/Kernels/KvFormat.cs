using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Medix.Inference.Kernels.Quantised;

namespace Medix.Inference.Kernels;

/// <summary>How cached numbers of one storage lie in memory, how they get there, and the register tile that reads them.</summary>
internal sealed unsafe class KvFormat
{
    /// <summary>The largest integer of a key or value; -128 is not used, so that both signs are alike.</summary>
    public const int Most = 127;

    private const int Lanes = 16;

    public KvFormat(KeyValueStorage storage, KernelSet kernels)
    {
        Storage = storage;
        Size = storage switch
        {
            KeyValueStorage.Fp32 => sizeof(float),
            KeyValueStorage.Fp16 => sizeof(ushort),
            KeyValueStorage.Int8 => sizeof(sbyte),
            _ => throw new ArgumentOutOfRangeException(nameof(storage), storage, "Not a storage of keys and values."),
        };
        Multiply = storage switch
        {
            KeyValueStorage.Fp32 => kernels.MultiplyFloat32,
            KeyValueStorage.Fp16 => kernels.MultiplyFloat16,
            _ => kernels.MultiplyInt8,
        };
    }

    public KeyValueStorage Storage { get; }

    /// <summary>Bytes of a number.</summary>
    public int Size { get; }

    /// <summary>Whether each key and value has a scale, by which its stored numbers are to be multiplied.</summary>
    public bool IsScaled => Storage == KeyValueStorage.Int8;

    /// <summary>The tile whose panel is of such numbers, without their scales.</summary>
    public delegate*<in Tile, void> Multiply { get; }

    /// <summary>Stores <paramref name="count"/> numbers, <paramref name="stride"/> numbers apart, and returns their scale: 1 where the storage has none.</summary>
    public float Store(float* from, int count, byte* to, int stride)
    {
        switch (Storage)
        {
            case KeyValueStorage.Fp32:
                StoreFloats(from, count, (float*)to, stride);
                return 1;
            case KeyValueStorage.Fp16:
                StoreHalves(from, count, (ushort*)to, stride);
                return 1;
            default:
                return StoreIntegers(from, count, (sbyte*)to, stride);
        }
    }

    private static void StoreFloats(float* from, int count, float* to, int stride)
    {
        if (stride == 1)
        {
            new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));
            return;
        }

        for (int i = 0; i < count; i++)
        {
            to[(nint)i * stride] = from[i];
        }
    }

    private static void StoreHalves(float* from, int count, ushort* to, int stride)
    {
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            Vector512<ushort> halves = Vector512.Narrow(HalfBits.Round(Vector512.Load(from + i)).AsUInt32(), default);
            ushort* target = to + ((nint)i * stride);
            if (stride == 1)
            {
                halves.GetLower().Store(target);
            }
            else
            {
                Scatter(halves.GetLower().GetLower(), target, stride);
                Scatter(halves.GetLower().GetUpper(), target + ((nint)Lanes / 2 * stride), stride);
            }
        }

        for (; i < count; i++)
        {
            to[(nint)i * stride] = HalfBits.Round(from[i]);
        }
    }

    /// <summary>A number that is not finite makes the scale so too, and is not lost.</summary>
    private static float StoreIntegers(float* from, int count, sbyte* to, int stride)
    {
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude(new ReadOnlySpan<float>(from, count)));
        float inverse = largest > 0 ? Most / largest : 0;
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            // Limited because the inverse of the smallest numbers is infinite.
            Vector512<float> limited = Vector512.Clamp(Vector512.Load(from + i) * inverse, Vector512.Create(-(float)Most), Vector512.Create((float)Most));
            Vector512<short> rounded = Vector512.Narrow(Vector512.ConvertToInt32(Vector512.Round(limited)), default);
            Vector128<sbyte> integers = Vector128.Narrow(rounded.GetLower().GetLower(), rounded.GetLower().GetUpper());
            sbyte* target = to + ((nint)i * stride);
            if (stride == 1)
            {
                integers.Store(target);
            }
            else
            {
                Scatter(Vector128.WidenLower(integers), target, stride);
                Scatter(Vector128.WidenUpper(integers), target + ((nint)Lanes / 2 * stride), stride);
            }
        }

        for (; i < count; i++)
        {
            to[(nint)i * stride] = (sbyte)Math.Clamp(MathF.Round(from[i] * inverse), -Most, Most);
        }

        return largest / Most;
    }

    /// <summary>From the register: what was stored a moment ago is read back only when memory has taken all that was stored before.</summary>
    private static void Scatter(Vector128<ushort> values, ushort* to, nint stride)
    {
        to[0] = values.GetElement(0);
        to[stride] = values.GetElement(1);
        to[2 * stride] = values.GetElement(2);
        to[3 * stride] = values.GetElement(3);
        to[4 * stride] = values.GetElement(4);
        to[5 * stride] = values.GetElement(5);
        to[6 * stride] = values.GetElement(6);
        to[7 * stride] = values.GetElement(7);
    }

    private static void Scatter(Vector128<short> values, sbyte* to, nint stride)
    {
        to[0] = (sbyte)values.GetElement(0);
        to[stride] = (sbyte)values.GetElement(1);
        to[2 * stride] = (sbyte)values.GetElement(2);
        to[3 * stride] = (sbyte)values.GetElement(3);
        to[4 * stride] = (sbyte)values.GetElement(4);
        to[5 * stride] = (sbyte)values.GetElement(5);
        to[6 * stride] = (sbyte)values.GetElement(6);
        to[7 * stride] = (sbyte)values.GetElement(7);
    }
}
