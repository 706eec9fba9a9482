using System.Text.Json;
using System.Text.Json.Serialization;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Packed;

/// <summary>
/// A part of a packed file: a matrix [N, K] or a vector [count]. Matrices of integers are in panels as the kernels read them, alike on every machine; those of floats,
/// and vectors, row by row. <paramref name="Offset"/> and <paramref name="Bytes"/> count from the file's start; <paramref name="Sha256"/> is of the bytes.
/// </summary>
public sealed record PackedTensor(string Name, WeightStorage Storage, IReadOnlyList<int> Shape, long Offset, long Bytes, string Sha256)
{
    /// <summary>Bytes that this storage and shape take in a file.</summary>
    /// <exception cref="OverflowException">No file is so large.</exception>
    internal static long SizeOf(WeightStorage storage, IReadOnlyList<int> shape)
    {
        long count = shape.Aggregate(1L, (product, side) => checked(product * side));
        return storage switch
        {
            WeightStorage.Fp32 => checked(count * sizeof(float)),
            WeightStorage.Bf16 => checked(count * sizeof(ushort)),
            _ => PackedMatrix.SizeOf(shape[0], shape[1], storage),
        };
    }
}

/// <summary>
/// What a packed file says of itself, in JSON: the model's shape as its <c>config.json</c> would say it, how its matrices are stored, and where they are.
/// <paramref name="Source"/> names what it was made of, for people.
/// </summary>
internal sealed record PackedHeader(string Source, JsonElement Config, StoragePlan Plan, IReadOnlyList<PackedTensor> Tensors);

/// <summary>The header's form, written out when the product is built: programs compiled ahead of time cannot find it by reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(StorageNames)])]
[JsonSerializable(typeof(PackedHeader))]
internal sealed partial class PackedJson : JsonSerializerContext;

/// <summary>Storages by name, in the case of all names.</summary>
internal sealed class StorageNames() : JsonStringEnumConverter<WeightStorage>(JsonNamingPolicy.CamelCase);
