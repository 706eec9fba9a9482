using System.Text.Json.Serialization;
using Medix.Inference.Kernels;

namespace Medix.Inference.Qwen3VL;

/// <summary>How each kind of a model's matrices is stored. Norms, biases and routers are always in single precision.</summary>
public sealed record StoragePlan
{
    /// <summary>The token table; a tied head is the same memory.</summary>
    public required WeightStorage Embedding { get; init; }

    /// <summary>The head, where it is not the token table.</summary>
    public required WeightStorage Head { get; init; }

    /// <summary>Query, key and value projections.</summary>
    public required WeightStorage QueryKeyValue { get; init; }

    /// <summary>Attention's output projection.</summary>
    public required WeightStorage Output { get; init; }

    /// <summary>Gate and up projections, of experts too.</summary>
    public required WeightStorage GateUp { get; init; }

    /// <summary>Down projections, of experts too.</summary>
    public required WeightStorage Down { get; init; }

    /// <summary>The vision tower.</summary>
    public required WeightStorage Vision { get; init; }

    /// <summary>
    /// Single matrices that are stored otherwise than their kind, by their name in the packed model: <c>layers.3.down</c>, <c>embedding</c>; all experts of a layer
    /// are one name (<c>layers.3.experts.down</c>).
    /// </summary>
    public IReadOnlyDictionary<string, WeightStorage> Exceptions { get; init; } = new Dictionary<string, WeightStorage>();

    /// <summary>
    /// How keys and values are kept unless somebody wishes otherwise: in half precision beside weights of integers, whose rounding is far greater, else in single precision.
    /// No part of the plan as files hold it.
    /// </summary>
    [JsonIgnore]
    public KeyValueStorage KeysAndValues => GateUp is WeightStorage.Fp32 or WeightStorage.Bf16 ? KeyValueStorage.Fp32 : KeyValueStorage.Fp16;

    /// <summary>The storage of a matrix of this name, whose kind is stored as <paramref name="kind"/>.</summary>
    public WeightStorage Of(string name, WeightStorage kind) => Exceptions.TryGetValue(name, out WeightStorage storage) ? storage : kind;

    /// <summary>
    /// The plan that a storage stands for. <see cref="WeightStorage.Q4"/>: every matrix of the decoder in 4 bits, the smallest and fastest.
    /// <see cref="WeightStorage.Q4K"/>: 4 bits where they cost least, in the MLPs, which are most of a large model; attention, token table and head in 8 bits.
    /// Both keep the vision tower in 8 bits: it is small, and every token of a picture depends on all of it. Other storages are used throughout.
    /// </summary>
    public static StoragePlan For(WeightStorage storage) => storage switch
    {
        WeightStorage.Q4 => All(WeightStorage.Q4) with { Vision = WeightStorage.Q8 },
        WeightStorage.Q4K => All(WeightStorage.Q8) with { GateUp = WeightStorage.Q4K, Down = WeightStorage.Q4K },
        _ => All(storage),
    };

    /// <summary>Everything alike.</summary>
    public static StoragePlan All(WeightStorage storage) => new()
    {
        Embedding = storage,
        Head = storage,
        QueryKeyValue = storage,
        Output = storage,
        GateUp = storage,
        Down = storage,
        Vision = storage,
    };
}
