using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Weights;

namespace Medix.Inference.Quantising;

/// <summary>
/// Matrices that are stored alike: those of one kind in one layer or, in deep models, in a few neighbouring ones. <paramref name="Keys"/> are their names in the plan,
/// <paramref name="SavedBytes"/> what the plan's 4 bits save beside 8.
/// </summary>
internal sealed record MatrixGroup(string Name, IReadOnlyList<string> Keys, WeightStorage Storage, long SavedBytes)
{
    private const int MostLayerGroups = 12;

    /// <summary>The groups of a model that a plan stores in 4 bits.</summary>
    public static IReadOnlyList<MatrixGroup> Of(Qwen3VLConfig config, StoragePlan plan)
    {
        NewModelMemory memory = new(plan);
        using TextWeights text = new(config.Text, memory);
        int span = (config.Text.Layers + MostLayerGroups - 1) / MostLayerGroups;
        return
        [
            .. memory.Parts.Where(part => part.Matrix?.Storage is WeightStorage.Q4 or WeightStorage.Q4K)
                .GroupBy(part => NameOf(part.Key, span))
                .Select(group => new MatrixGroup(
                    group.Key, [.. group.Select(part => part.Key).Distinct()], group.First().Matrix!.Storage,
                    group.Sum(part => Size(part.Matrix!, WeightStorage.Q8) - Size(part.Matrix!, part.Matrix!.Storage)))),
        ];
    }

    private static long Size(PackedMatrix matrix, WeightStorage storage) => PackedTensor.SizeOf(storage, [matrix.N, matrix.K]);

    /// <summary><c>layers.7.down</c> of groups of three layers is <c>layers.6-8.down</c>.</summary>
    private static string NameOf(string key, int span)
    {
        string[] parts = key.Split('.', 3);
        if (span == 1 || parts.Length < 3)
        {
            return key;
        }

        int first = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) / span * span;
        return $"{parts[0]}.{first}-{first + span - 1}.{parts[2]}";
    }
}
