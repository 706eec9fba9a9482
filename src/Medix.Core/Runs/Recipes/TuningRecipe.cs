namespace Medix.Runs.Recipes;

/// <summary>What of the model is trained, and how.</summary>
public sealed record TuningRecipe
{
    /// <summary>Low-rank adapters.</summary>
    [Meaning("Train low-rank adapters and leave the weights as they are; null trains the weights.")]
    public LoraRecipe? Lora { get; init; }

    /// <summary>Vision tower.</summary>
    [Meaning("Leave the vision tower as it is.")]
    public bool FreezeVision { get; init; }

    /// <summary>Gradient checkpointing.</summary>
    [Meaning("Gradient checkpointing: keep only each layer's input for the backward pass and compute the rest again; slower, far less memory.")]
    public bool RecomputeActivations { get; init; }

    /// <summary>Precision of activations.</summary>
    [Meaning("Precision of activations in the update; master weights, norms, softmax and log-probabilities are fp32 either way.")]
    [OneOf("fp32", "bf16")]
    public string Compute { get; init; } = "fp32";

    /// <summary>Where the update runs.</summary>
    [Meaning("Device of the update: cpu, cuda or cuda:N. CUDA needs a build with -p:MedixCuda=true.")]
    public string Device { get; init; } = "cpu";
}

/// <summary>Low-rank adapters (LoRA, arXiv 2106.09685).</summary>
public sealed record LoraRecipe
{
    /// <summary>Rank.</summary>
    [Meaning("Rank of the change of each weight.")]
    [Between(1, 4096)]
    public int Rank { get; init; } = 16;

    /// <summary>Alpha.</summary>
    [Meaning("The change is multiplied by alpha / rank (alpha / sqrt(rank) where rank-stabilised).")]
    [Between(1e-6, 1e6)]
    public double Alpha { get; init; } = 32;

    /// <summary>Modules.</summary>
    [Meaning("Last parts of the names of linear layers that get an adapter, or \"all-linear\" for all but the output head, those of the vision tower included.")]
    public IReadOnlyList<string> Modules { get; init; } = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>Pattern.</summary>
    [Meaning("Regular expression that matches whole module paths, in place of modules; null for none.")]
    public string? Pattern { get; init; }

    /// <summary>Parameters.</summary>
    [Meaning("Last parts of the names of parameters that get an adapter though they are no layer: mlp.experts.gate_up_proj, mlp.experts.down_proj.")]
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>Rank-stabilised.</summary>
    [Meaning("Rank-stabilised scaling (arXiv 2312.03732).")]
    public bool RankStabilised { get; init; }

    /// <summary>DoRA.</summary>
    [Meaning("Learn the lengths of the changed rows too (DoRA, arXiv 2402.09353).")]
    public bool Dora { get; init; }

    /// <summary>Start.</summary>
    [Meaning("Folder of an adapter in PEFT's format to go on from, trained with the same settings; null starts a new one.")]
    public string? Start { get; init; }
}
