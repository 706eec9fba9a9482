using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>The trainable tensors of one adapted weight: A and B in PEFT's shapes, and DoRA's row lengths.</summary>
internal sealed record AdapterTerm(LoraTarget Target, int Rank, float Scale, Tensor A, Tensor B, Tensor? Magnitude);

/// <summary>The adapters of a model in training: which weights have one, their place in the parameter store, and their way to files.</summary>
internal sealed class AdapterTerms
{
    private readonly LoraConfig? config;
    private readonly IReadOnlyList<LoraTarget> targets;
    private readonly Dictionary<string, AdapterTerm> byParameter = new(StringComparer.Ordinal);

    public AdapterTerms(Qwen3VLConfig model, LoraConfig? config)
    {
        config?.Validate("the adapter's settings");
        this.config = config;
        targets = config is null ? [] : LoraTargetPlan.Select(model, config, "the adapter's settings");
        if (config is { Dora: true } && targets.Any(target => target.Experts > 0))
        {
            throw new MedixException("DoRA on fused experts is not defined: leave mlp.experts.* out of the targets, or use plain LoRA.");
        }
    }

    /// <summary>The tensors to train.</summary>
    public IEnumerable<ExpectedTensor> Plan => targets.SelectMany(target =>
    {
        long rank = config!.RankOf(target.Path), experts = Math.Max(target.Experts, 1);
        ExpectedTensor[] pair = [new(A(target), [experts * rank, target.Input]), new(B(target), [target.Output, rank * experts])];
        return config.Dora ? pair.Append(new(Magnitude(target), [target.Output])) : pair;
    });

    /// <summary>Takes the adapters off while it is set.</summary>
    public bool Off { get; set; }

    /// <summary>The adapter of a weight, or null.</summary>
    public AdapterTerm? this[string parameter] => Off ? null : byParameter.GetValueOrDefault(parameter);

    /// <summary>Finds the adapters' tensors in the store, once they are there.</summary>
    public void Bind(ParameterStore store)
    {
        foreach (LoraTarget target in targets)
        {
            int rank = config!.RankOf(target.Path);
            byParameter.Add(target.Parameter, new(
                target, rank, config.ScaleOf(target.Path, rank), store[A(target)], store[B(target)], config.Dora ? store[Magnitude(target)] : null));
        }
    }

    /// <summary>
    /// First values: those of <paramref name="start"/>, or a new adapter's: A uniform within ±1/√in (Kaiming, as PEFT), B zero, DoRA's lengths those of the base.
    /// </summary>
    public void Initialise(LoraAdapter? start, ulong seed)
    {
        using IDisposable noGradient = no_grad();
        foreach (AdapterTerm term in byParameter.Values)
        {
            using DisposeScope scope = NewDisposeScope();
            LoraLayer? layer = start?.Layers.FirstOrDefault(l => l.Parameter == term.Target.Parameter);
            if (start is not null && (layer is null || layer.Rank != term.Rank || layer.Scale != term.Scale))
            {
                throw new MedixException($"The adapter to go on from has no fitting part for '{term.Target.Parameter}' (rank {term.Rank}). Give the settings it was trained with.");
            }

            Fill(term.A, layer?.A ?? Uniform(term, seed));
            if (layer is not null)
            {
                Fill(term.B, layer.B);
            }

            if (term.Magnitude is not null && layer?.Magnitude is { } lengths)
            {
                Fill(term.Magnitude, lengths);
            }
        }
    }

    /// <summary>DoRA's first row lengths are the base's, which must be loaded by now.</summary>
    public void TakeLengths(ParameterStore store)
    {
        using IDisposable noGradient = no_grad();
        foreach (AdapterTerm term in byParameter.Values.Where(term => term.Magnitude is not null))
        {
            using DisposeScope scope = NewDisposeScope();
            term.Magnitude!.copy_(RowLengths(store[term.Target.Parameter].to_type(ScalarType.Float32)));
        }
    }

    /// <summary>The adapter as it stands.</summary>
    public LoraAdapter Export()
    {
        IEnumerable<LoraLayer> layers = byParameter.Values.Select(term => new LoraLayer(
            term.Target.Parameter, term.Rank, term.Scale, term.Target.Input, term.Target.Output, Values(term.A), Values(term.B),
            term.Magnitude is null ? null : Values(term.Magnitude), term.Target.Experts));
        return new(config!, [.. layers.OrderBy(layer => layer.Parameter, StringComparer.Ordinal)]);
    }

    /// <summary>The Euclidean length of each row of a matrix.</summary>
    public static Tensor RowLengths(Tensor matrix) => (matrix * matrix).sum(-1).sqrt();

    private static string A(LoraTarget target) => target.Parameter + ".lora_A";

    private static string B(LoraTarget target) => target.Parameter + ".lora_B";

    private static string Magnitude(LoraTarget target) => target.Parameter + ".lora_magnitude_vector";

    private static float[] Uniform(AdapterTerm term, ulong seed)
    {
        SeededRandom random = Seed.Random(seed, Seed.Of(term.Target.Parameter));
        float bound = 1 / MathF.Sqrt(term.Target.Input);
        var values = new float[term.A.numel()];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = bound * (float)((2 * random.NextDouble()) - 1);
        }

        return values;
    }

    private static void Fill(Tensor target, float[] values) => target.copy_(tensor(values, target.shape, device: target.device));

    private static float[] Values(Tensor source)
    {
        using Tensor detached = source.detach();
        using Tensor here = detached.cpu();
        return Native.TensorMemory.Span(here).ToArray();
    }
}
