using System.Globalization;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Quantising;

/// <summary>
/// What to make. <paramref name="MostDivergence"/> is the mean KL in nats that 4 bits may cost: matrices that cost most are kept in 8 bits until the packed model is
/// below it with the whole of the mean's interval; infinity for the plan as it stands. It needs calibration.
/// </summary>
public sealed record QuantiseOptions(WeightStorage To, double MostDivergence = QuantiseOptions.DefaultDivergence)
{
    /// <summary>Below 0.02, which other texts and pictures than those measured then stay within.</summary>
    public const double DefaultDivergence = 0.015;

    /// <summary>Throws where a value is out of its range.</summary>
    /// <exception cref="MedixException">The message names it.</exception>
    public void Require()
    {
        if (To is not (WeightStorage.Q4 or WeightStorage.Q4K or WeightStorage.Q8))
        {
            throw new MedixException($"A model is packed in q4, q4k or q8, not in {To}.");
        }

        if (!(MostDivergence > 0))
        {
            throw new MedixException(string.Create(
                CultureInfo.InvariantCulture, $"The largest divergence is {MostDivergence}; expected a number of nats above 0, such as 0.02."));
        }
    }
}

/// <summary>How far a quantiser is: the work in a few words, and how much of it is done.</summary>
public sealed record QuantiseProgress(string Work, long Done, long Total);

/// <summary>
/// A packed model and how good it is: <paramref name="Groups"/> are the matrices that 4 bits were tried on, <paramref name="Text"/> compares predictions; empty and null
/// without calibration.
/// </summary>
public sealed record QuantisedModel(StoragePlan Plan, IReadOnlyList<TensorError> Tensors, IReadOnlyList<GroupCost> Groups, TextQuality? Text);

/// <summary>
/// Packs a model in integers. With a calibration set, errors are weighted by what each input of a matrix amounts to, and matrices that the predictions depend on most are
/// kept in 8 bits: each group's cost is measured, the cheapest bytes go first.
/// </summary>
public sealed class ModelQuantiser(WeightSource source, QuantiseOptions options, WorkerPool pool, Action<QuantiseProgress>? progress = null)
{
    /// <summary>Of the allowed divergence, what the groups' sum may take at first: the 8-bit matrices and rounded activations cost something too.</summary>
    private const double FirstShare = 0.7;

    private const double NextShare = 0.8;
    private const int MostRounds = 5;
    private const int ProbeLogits = 30_000_000;

    private readonly StoragePlan basis = StoragePlan.For(options.To);

    /// <summary>Packs without looking at any input: one matrix in memory at a time.</summary>
    /// <exception cref="MedixException">The file cannot be written.</exception>
    public QuantisedModel Write(string path, string name, CancellationToken cancellationToken = default)
    {
        options.Require();
        return new QuantisedModel(basis, Pack(path, name, basis, new Dictionary<string, float[]>(), cancellationToken), [], null);
    }

    /// <summary>
    /// Packs with the help of a calibration set. <paramref name="reference"/> is the original in memory, in bfloat16 or single precision; while this runs it is changed,
    /// afterwards it is as before.
    /// </summary>
    /// <exception cref="MedixException">The file cannot be written, or an input is not this model's.</exception>
    public QuantisedModel Write(string path, string name, Qwen3VLModel reference, CalibrationSet set, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(set);
        options.Require();
        if (reference.Plan.Down is not (WeightStorage.Fp32 or WeightStorage.Bf16))
        {
            throw new ArgumentException($"The reference is stored as {reference.Plan.Down}; expected {WeightStorage.Bf16} or {WeightStorage.Fp32}.", nameof(reference));
        }

        Report("calibrating", 0, set.Learn.Count);
        IReadOnlyDictionary<string, float[]> importance =
            ActivationStatistics.Collect(reference, set.Learn, done => Report("calibrating", done, set.Learn.Count), cancellationToken);
        DivergenceMeter meter = new(reference, set.Measure, cancellationToken);
        IReadOnlyList<GroupCost> groups = double.IsFinite(options.MostDivergence) ? Probe(reference, set, importance, cancellationToken) : [];
        return Search(path, name, importance, meter, groups, cancellationToken);
    }

    /// <summary>Writes, measures, and keeps more matrices in 8 bits until the predictions are close enough or nothing is left in 4.</summary>
    private QuantisedModel Search(
        string path, string name, IReadOnlyDictionary<string, float[]> importance, DivergenceMeter meter, IReadOnlyList<GroupCost> groups, CancellationToken cancellationToken)
    {
        double limit = FirstShare * options.MostDivergence;
        for (int round = 1; ; round++)
        {
            groups = PlanChoice.Choose(groups, round == MostRounds ? double.NegativeInfinity : limit);
            StoragePlan plan = PlanChoice.Apply(basis, groups);
            IReadOnlyList<TensorError> errors = Pack(path, name, plan, importance, cancellationToken);
            Report("comparing predictions", 0, meter.Tokens);
            using Qwen3VLModel packed = Qwen3VLModel.FromPacked(path, pool);
            TextQuality quality = meter.Quality(packed, cancellationToken);
            double[] lowered = [.. groups.Where(group => !group.Kept).Select(group => group.Divergence)];
            if (quality.Divergence.High <= options.MostDivergence || lowered.Length == 0)
            {
                return new QuantisedModel(plan, errors, groups, quality);
            }

            // At least the last that was let in goes back to 8 bits, else the next round would be this one again.
            limit = Math.Min(lowered.Sum() * NextShare * options.MostDivergence / quality.Divergence.High, (lowered.Sum() + lowered.Sum() - lowered.Max()) / 2);
        }
    }

    private List<GroupCost> Probe(Qwen3VLModel reference, CalibrationSet set, IReadOnlyDictionary<string, float[]> importance, CancellationToken cancellationToken)
    {
        int most = Math.Max(64, ProbeLogits / reference.Config.Text.VocabularySize), taken = 0;
        ModelInput[] inputs = [.. set.Learn.TakeWhile(input => (taken += input.Tokens.Length) <= most || taken == input.Tokens.Length)];
        IReadOnlyList<MatrixGroup> groups = MatrixGroup.Of(reference.Config, basis);
        if (groups.Count == 0)
        {
            return [];
        }

        SensitivityProbe probe = new(reference, new DivergenceMeter(reference, inputs, cancellationToken), importance);
        List<GroupCost> costs = [];
        foreach (MatrixGroup group in groups)
        {
            Report("measuring what 4 bits cost", costs.Count, groups.Count);
            costs.Add(new GroupCost(group.Name, group.Keys, probe.Measure(group, cancellationToken), group.SavedBytes, false));
        }

        return costs;
    }

    private IReadOnlyList<TensorError> Pack(string path, string name, StoragePlan plan, IReadOnlyDictionary<string, float[]> importance, CancellationToken cancellationToken) =>
        PackedModelWriter.Write(path, name, source, plan, importance, pool, (done, total) => Report("packing", done, total), cancellationToken);

    private void Report(string work, long done, long total) => progress?.Invoke(new QuantiseProgress(work, done, total));
}
