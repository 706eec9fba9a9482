using System.Runtime.InteropServices;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Packed;

/// <summary>A model's parts where they lie in a packed file. Matrices of floats, which every machine packs its own way, are copied; there are few.</summary>
internal sealed unsafe class MappedModelMemory(PackedFile file) : ModelMemory(file.Plan)
{
    private readonly HashSet<string> used = new(StringComparer.Ordinal);

    /// <summary>Throws where the file has a part that the model does not.</summary>
    public void RequireAllUsed()
    {
        if (file.Tensors.FirstOrDefault(tensor => !used.Contains(tensor.Name)) is { } left)
        {
            throw new MedixException($"{file.Path}: the tensor '{left.Name}' is none of the model that the file's config describes. Make the file again with `medix quantize`.");
        }
    }

    protected override PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage)
    {
        PackedTensor tensor = Require(name, storage, n, k);
        if (storage is not (WeightStorage.Fp32 or WeightStorage.Bf16))
        {
            return new PackedMatrix(n, k, storage, file.Map(tensor));
        }

        PackedMatrix matrix = new(n, k, storage);
        Copy(file.Map(tensor), matrix);
        return matrix;
    }

    protected override AlignedMemory NewVector(string name, long count) => file.Map(Require(name, WeightStorage.Fp32, checked((int)count)));

    private static void Copy(AlignedMemory source, PackedMatrix target)
    {
        int rows = Math.Max(1, (1 << 20) / target.K);
        float[] values = new float[Math.Min(rows, target.N) * target.K];
        for (int row = 0; row < target.N; row += rows)
        {
            int count = Math.Min(rows, target.N - row) * target.K;
            long first = (long)row * target.K;
            Span<float> part = values.AsSpan(0, count);
            if (target.Storage == WeightStorage.Fp32)
            {
                new ReadOnlySpan<float>(source.Floats + first, count).CopyTo(part);
            }
            else
            {
                BFloat16Rows.Widen(new ReadOnlySpan<ushort>((ushort*)source.Bytes + first, count), part);
            }

            target.SetRows(row, part, WorkerPool.Shared);
        }
    }

    private PackedTensor Require(string name, WeightStorage storage, params ReadOnlySpan<int> shape)
    {
        PackedTensor tensor = file.Find(name)
            ?? throw new MedixException($"{file.Path}: there is no tensor '{name}', which the file's config calls for. Make the file again with `medix quantize`.");
        if (tensor.Storage != storage || !tensor.Shape.ToArray().AsSpan().SequenceEqual(shape))
        {
            throw new MedixException(
                $"{file.Path}: the tensor '{name}' is {tensor.Storage} [{string.Join(", ", tensor.Shape)}], but the file's plan and config call for "
                + $"{storage} [{string.Join(", ", shape.ToArray())}]. Make the file again with `medix quantize`.");
        }

        used.Add(name);
        return tensor;
    }
}

/// <summary>bfloat16 numbers row by row, as packed files hold them.</summary>
internal static class BFloat16Rows
{
    public static void Widen(ReadOnlySpan<ushort> source, Span<float> target)
    {
        for (int i = 0; i < source.Length; i++)
        {
            target[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    /// <summary>Of numbers that bfloat16 holds exactly: the upper half of their bits.</summary>
    public static void Narrow(ReadOnlySpan<float> source, Span<byte> target)
    {
        Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(target);
        for (int i = 0; i < source.Length; i++)
        {
            halves[i] = (ushort)(BitConverter.SingleToUInt32Bits(source[i]) >> 16);
        }
    }
}
