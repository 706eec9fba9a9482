using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Packed;

/// <summary>Checks a packed file's table before anything is mapped or allocated by it.</summary>
internal static class PackedHeaderChecks
{
    /// <summary>Throws <see cref="MedixException"/> for the first part that is not well described, leaves the file or overlaps another.</summary>
    public static void Require(string file, PackedHeader header, long dataStart, long fileBytes)
    {
        RequirePlan(file, header.Plan);
        // Read as JSON, the elements of a list may be null whatever their type says.
        if (header.Tensors.Contains(null!))
        {
            throw new MedixException($"{file}: an element of the header's tensors is null; expected a tensor's name, storage, shape, offset, bytes and checksum. "
                + "The file is damaged or was not made by `medix quantize`: make it again.");
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (PackedTensor tensor in header.Tensors)
        {
            RequireTensor(file, tensor, dataStart, fileBytes);
            if (!names.Add(tensor.Name))
            {
                throw Fault(file, tensor, "name", "is there twice", "every name once");
            }
        }

        PackedTensor? before = null;
        foreach (PackedTensor tensor in header.Tensors.OrderBy(tensor => tensor.Offset))
        {
            if (before is not null && tensor.Offset < before.Offset + before.Bytes)
            {
                throw Fault(file, tensor, "offset", $"is {tensor.Offset}", $"at least {before.Offset + before.Bytes}, the end of '{before.Name}'");
            }

            before = tensor;
        }
    }

    private static void RequirePlan(string file, StoragePlan plan)
    {
        WeightStorage[] used = [plan.Embedding, plan.Head, plan.QueryKeyValue, plan.Output, plan.GateUp, plan.Down, plan.Vision, .. plan.Exceptions.Values];
        WeightStorage? unknown = used.Where(storage => !Enum.IsDefined(storage)).Select(storage => (WeightStorage?)storage).FirstOrDefault();
        if (unknown is not null)
        {
            throw new MedixException($"{file}: the plan names a storage {(int)unknown}; expected {string.Join(", ", Enum.GetNames<WeightStorage>())}. Make the file again.");
        }
    }

    private static void RequireTensor(string file, PackedTensor tensor, long dataStart, long fileBytes)
    {
        if (!Enum.IsDefined(tensor.Storage))
        {
            throw Fault(file, tensor, "storage", $"is {(int)tensor.Storage}", string.Join(", ", Enum.GetNames<WeightStorage>()));
        }

        bool vector = tensor.Shape.Count == 1 && tensor.Storage == WeightStorage.Fp32;
        if ((!vector && tensor.Shape.Count != 2) || tensor.Shape.Any(side => side < 1))
        {
            throw Fault(file, tensor, "shape", $"is [{string.Join(", ", tensor.Shape)}]", "two sides of at least 1, or one of a vector in fp32");
        }

        long size = SizeOf(file, tensor);
        if (tensor.Bytes != size)
        {
            throw Fault(file, tensor, "bytes", $"is {tensor.Bytes}", $"{size}, which storage and shape take");
        }

        if (tensor.Offset < dataStart || tensor.Offset % PackedPrefix.Alignment != 0 || tensor.Offset > fileBytes - size)
        {
            throw Fault(
                file, tensor, "offset", $"is {tensor.Offset}", $"a multiple of {PackedPrefix.Alignment} from {dataStart} to {fileBytes - size}, so that its {size} bytes "
                    + $"are in the file");
        }

        if (tensor.Sha256.Length != 64)
        {
            throw Fault(file, tensor, "sha256", $"is '{tensor.Sha256}'", "64 hexadecimal digits");
        }
    }

    private static long SizeOf(string file, PackedTensor tensor)
    {
        try
        {
            return PackedTensor.SizeOf(tensor.Storage, tensor.Shape);
        }
        catch (OverflowException)
        {
            throw Fault(file, tensor, "shape", $"is [{string.Join(", ", tensor.Shape)}]", "what a file can hold");
        }
    }

    private static MedixException Fault(string file, PackedTensor tensor, string field, string found, string expected) =>
        new($"{file}: of tensor '{tensor.Name}' the field {field} {found}; expected {expected}. The file is damaged or was not made by `medix quantize`: make it again.");
}
