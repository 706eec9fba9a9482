using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Quantising;

/// <summary>A group of matrices and what it costs in 4 bits: <paramref name="Divergence"/> in nats, measured alone; <paramref name="Kept"/> where 8 bits were chosen.</summary>
public sealed record GroupCost(string Name, IReadOnlyList<string> Matrices, double Divergence, long SavedBytes, bool Kept);

/// <summary>Chooses which groups stay in 8 bits so that the sum of the others' divergences is not above a limit and the file is small.</summary>
internal static class PlanChoice
{
    /// <summary>Goes to 4 bits where a nat saves most bytes, as far as the limit allows.</summary>
    public static IReadOnlyList<GroupCost> Choose(IReadOnlyList<GroupCost> groups, double limit)
    {
        HashSet<string> lowered = new(StringComparer.Ordinal);
        double sum = 0;
        foreach (GroupCost group in groups.OrderBy(group => group.Divergence / Math.Max(1, group.SavedBytes)))
        {
            if (sum + group.Divergence <= limit)
            {
                sum += group.Divergence;
                lowered.Add(group.Name);
            }
        }

        return [.. groups.Select(group => group with { Kept = !lowered.Contains(group.Name) })];
    }

    /// <summary>The plan with the kept groups' matrices in 8 bits.</summary>
    public static StoragePlan Apply(StoragePlan plan, IReadOnlyList<GroupCost> groups) => plan with
    {
        Exceptions = groups.Where(group => group.Kept).SelectMany(group => group.Matrices).ToDictionary(name => name, _ => WeightStorage.Q8, StringComparer.Ordinal),
    };
}
