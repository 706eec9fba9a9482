using Medix.Runs.Recipes;
using Medix.Training.Learning;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Training.Doctor;

/// <summary>One share of a run's memory, in bytes; <paramref name="OnDevice"/> where it is in the GPU's memory and not in main memory.</summary>
public sealed record MemoryPart(string Name, string Of, long Bytes, bool OnDevice = false);

/// <summary>
/// What the prompts of a run are like: tokens of a prompt with its image tokens (the mean), patches of its images before merging, and bytes of pictures that are
/// kept in memory.
/// </summary>
public sealed record MemoryWorkload(double PromptTokens, double Patches, long PictureBytes);

/// <summary>
/// A run's peak memory by part, from the recipe, the model's shape and the prompts, responses counted at their limit. The parts are what the code allocates;
/// <see cref="Slack"/> stands for what allocators keep beyond that and was measured.
/// </summary>
public sealed record MemoryPlan(IReadOnlyList<MemoryPart> Parts)
{
    /// <summary>Freed blocks that the allocator keeps between differently shaped steps, as a share of activations. Measured: docs/benchmarks.md.</summary>
    private const double Slack = 0.3;

    /// <summary>
    /// What freed pieces too small to go back to the system (32 MB at most, with Linux's allocator) add to that over hundreds of steps: this share of activations, and
    /// hardly more than <see cref="MostKept"/>, since the pieces of larger models do go back. Measured on whole runs: docs/benchmarks.md.
    /// </summary>
    private const double Kept = 0.6;

    private const long MostKept = 334L << 20;

    /// <summary>.NET, libtorch and their code: measured.</summary>
    private const long Runtime = 430L << 20;

    /// <summary>Peak in main memory.</summary>
    public long MainMemory => Parts.Where(part => !part.OnDevice).Sum(part => part.Bytes);

    /// <summary>Peak in the GPU's memory.</summary>
    public long DeviceMemory => Parts.Where(part => part.OnDevice).Sum(part => part.Bytes);

    /// <summary>The plan; <paramref name="halfMatrices"/> says that the checkpoint's matrices are in bf16.</summary>
    public static MemoryPlan Of(TrainRecipe recipe, Qwen3VLConfig model, bool halfMatrices, MemoryWorkload work)
    {
        TuningOptions tuning = new()
        {
            Lora = recipe.Tuning.Lora is null ? null : Tuning.LoraOf(recipe.Tuning.Lora, null),
            FreezeVision = recipe.Tuning.FreezeVision,
        };
        bool gpu = recipe.Tuning.Device != "cpu";
        Sizes sizes = Sizes.Of(model, tuning, halfMatrices);
        Activations activations = Activations.Of(recipe, model, tuning, work);
        bool reference = RunParts.AlgorithmOf(recipe.Algorithm).NeedsReference && tuning.Lora is null;
        long sampler = sizes.All * (tuning.Lora is not null && halfMatrices ? 2 : 4);
        return new(
        [
            new("runtime", ".NET and libtorch", Runtime),
            new("pictures", "encoded, and resized ones kept", work.PictureBytes),
            new("weights", $"{sizes.Trained / 1e6:0.0} M trained in fp32, the rest as in the file", (sizes.Trained * 4) + sizes.FrozenBytes, gpu),
            new("gradients", "fp32", sizes.Trained * 4, gpu),
            new("optimiser", "two moments in fp32", sizes.Trained * 8),
            .. reference ? [new MemoryPart("reference", "frozen weights of the KL penalty", sizes.All * (halfMatrices ? 2 : 4), gpu)] : Array.Empty<MemoryPart>(),
            new("sampler weights", "the engine's own copy", sampler + (tuning.Lora is null ? 0 : sizes.Trained * 8)),
            new("KV cache", "of the rollouts", KeyValueBytes(recipe, model, work)),
            new("rollout buffers", "vision and decoder rows, logits", BufferBytes(recipe, model, work)),
            new("image features", "vision tower of one pass", activations.Vision, gpu),
            new("activations", $"{activations.Tokens:0} tokens in one pass", activations.Text, gpu),
            new("logits", "of one pass's responses", activations.Logits, gpu),
            new("slack", "freed blocks that the allocator keeps", SlackOf(activations.Text + activations.Vision + activations.Logits)),
        ]);
    }

    private static long SlackOf(long passing) => (long)((Slack * passing) + Math.Min(Kept * passing, MostKept));

    /// <summary>
    /// The smallest single change of the recipe with which the run fits into <paramref name="available"/> bytes of main memory, or all of them together; null where it
    /// fits already.
    /// </summary>
    public static string? Remedy(TrainRecipe recipe, Qwen3VLConfig model, bool halfMatrices, MemoryWorkload work, long available)
    {
        if (Of(recipe, model, halfMatrices, work).MainMemory <= available)
        {
            return null;
        }

        int group = (int)Math.Ceiling(work.PromptTokens + (recipe.Rollout.Draws * recipe.Rollout.MaxNewTokens));
        (string Name, Func<TrainRecipe, TrainRecipe> Apply)[] changes =
        [
            ($"optimizer.maxTokensPerPass = {group}", r => r with { Optimizer = r.Optimizer with { MaxTokensPerPass = Math.Min(group, r.Optimizer.MaxTokensPerPass) } }),
            ("tuning.recomputeActivations = true", r => r with { Tuning = r.Tuning with { RecomputeActivations = true } }),
            ("tuning.freezeVision = true", r => r with { Tuning = r.Tuning with { FreezeVision = true } }),
            ("rollout.promptsPerStep halved", r => r with { Rollout = r.Rollout with { PromptsPerStep = Math.Max(1, r.Rollout.PromptsPerStep / 2) } }),
            ("tuning.lora = {} (adapters in place of the weights)", r => r with { Tuning = r.Tuning with { Lora = r.Tuning.Lora ?? new LoraRecipe() } }),
        ];
        foreach ((string name, Func<TrainRecipe, TrainRecipe> apply) in changes)
        {
            if (Of(apply(recipe), model, halfMatrices, work).MainMemory is long bytes && bytes <= available)
            {
                return $"Set {name}: {bytes / 1e9:0.0} GB then.";
            }
        }

        TrainRecipe all = changes.Aggregate(recipe, (r, change) => change.Apply(r));
        long least = Of(all, model, halfMatrices, work).MainMemory;
        return least <= available
            ? $"Set {string.Join(", ", changes.Select(change => change.Name))}: {least / 1e9:0.0} GB then."
            : $"Even with every saving it needs {least / 1e9:0.0} GB: take a smaller model or a machine with more memory.";
    }

    private static long KeyValueBytes(TrainRecipe recipe, Qwen3VLConfig model, MemoryWorkload work)
    {
        const int page = 96, heldOutBatch = 32;
        long pageBytes = 2L * page * model.Text.Layers * model.Text.KeyValueHeads * model.Text.HeadDim * sizeof(float);
        double prompt = Math.Ceiling(work.PromptTokens / page), response = Math.Ceiling((recipe.Rollout.MaxNewTokens + (page / 2.0)) / page);
        double step = recipe.Rollout.PromptsPerStep * (prompt + (recipe.Rollout.Draws * response));
        double heldOut = Math.Min(heldOutBatch, recipe.Data.HeldOutLimit) * (prompt + (recipe.Evaluation.Draws * response));
        return (long)(Math.Max(step, heldOut) * pageBytes);
    }

    private static long BufferBytes(TrainRecipe recipe, Qwen3VLConfig model, MemoryWorkload work)
    {
        const int mostRows = 1024, logitRows = 64;
        TextConfig text = model.Text;
        double prompts = Math.Max(recipe.Rollout.PromptsPerStep, Math.Min(32, recipe.Data.HeldOutLimit));
        double rows = Math.Max(Math.Min(mostRows, prompts * work.PromptTokens), prompts * Math.Max(recipe.Rollout.Draws, recipe.Evaluation.Draws));
        double perRow = (2.0 * text.Hidden) + ((4 * text.Heads) + (2 * text.KeyValueHeads)) * text.HeadDim + (3.0 * text.Intermediate)
            + (text.ExpertsPerToken * (double)text.Hidden);
        double vision = model.Vision is { } v ? prompts * work.Patches * ((11.0 * v.Hidden) + v.Intermediate + (2 * v.PatchLength)) : 0;
        double logits = Math.Max(logitRows, prompts * recipe.Rollout.Draws) * text.VocabularySize;
        return (long)(sizeof(float) * ((rows * perRow) + vision + logits));
    }

    /// <summary>Numbers of parameters, and bytes of those that are frozen.</summary>
    private sealed record Sizes(long All, long Trained, long FrozenBytes)
    {
        public static Sizes Of(Qwen3VLConfig model, TuningOptions tuning, bool half)
        {
            long all = 0, trained = 0, frozen = 0;
            foreach (ExpectedTensor tensor in ModelTensors.Of(model))
            {
                long count = tensor.Shape.Aggregate(1L, (product, side) => product * side);
                all += count;
                trained += tuning.Trains(tensor.Name) ? count : 0;
                frozen += tuning.Trains(tensor.Name) ? 0 : count * (half && tensor.Shape.Length > 1 ? 2 : 4);
            }

            if (tuning.Lora is { } lora)
            {
                trained = LoraTargetPlan.Select(model, lora, "tuning.lora")
                    .Sum(target => (long)Math.Max(target.Experts, 1) * lora.RankOf(target.Path) * (target.Input + target.Output));
            }

            return new(all, trained, frozen);
        }
    }

    /// <summary>Bytes that the forward pass keeps for the backward one.</summary>
    private sealed record Activations(double Tokens, long Text, long Vision, long Logits)
    {
        /// <summary>The larger of an RL pass and a supervised step, which is one pass.</summary>
        public static Activations Of(TrainRecipe recipe, Qwen3VLConfig model, TuningOptions tuning, MemoryWorkload work)
        {
            double group = work.PromptTokens + (recipe.Rollout.Draws * recipe.Rollout.MaxNewTokens);
            double update = Math.Ceiling((double)recipe.Rollout.PromptsPerStep / recipe.Optimizer.UpdatesPerStep);
            double groups = Math.Min(update, Math.Max(1, Math.Floor(recipe.Optimizer.MaxTokensPerPass / group)));
            Activations rl = OfPass(recipe, model, tuning, groups, recipe.Rollout.Draws, work);
            Activations supervised = OfPass(recipe, model, tuning, recipe.WarmStart.Steps > 0 ? recipe.WarmStart.BatchSize : 0, 1, work);
            return rl.Text + rl.Vision + rl.Logits >= supervised.Text + supervised.Vision + supervised.Logits ? rl : supervised;
        }

        private static Activations OfPass(TrainRecipe recipe, Qwen3VLConfig model, TuningOptions tuning, double groups, int draws, MemoryWorkload work)
        {
            double tokens = groups * (work.PromptTokens + (draws * (recipe.Rollout.MaxNewTokens - 1.0)));
            bool half = recipe.Tuning.Compute == "bf16", recompute = recipe.Tuning.RecomputeActivations;
            double width = half ? 2 : 4;
            double perLayer = LayerFloats(model.Text) * (half ? 1.6 : 1);
            double text = tokens * width * (recompute ? (model.Text.Layers * (double)model.Text.Hidden) + perLayer : model.Text.Layers * perLayer);
            double rows = groups * draws * recipe.Rollout.MaxNewTokens;
            double kept = rows * model.Text.VocabularySize <= 1 << 26 ? rows : 128;
            double logits = (kept + Math.Min(rows, Math.Max(128, (1 << 22) / (double)model.Text.VocabularySize))) * model.Text.VocabularySize * sizeof(float);
            return new(tokens, (long)text, VisionBytes(model, tuning, groups * work.Patches, width, recompute), (long)logits);
        }

        /// <summary>Input, norms, queries, keys and values before and after rotation, attention's output, and the MLP's three.</summary>
        private static double LayerFloats(TextConfig text)
        {
            double query = text.Heads * (double)text.HeadDim, keyValue = text.KeyValueHeads * (double)text.HeadDim;
            double mlp = text.Experts is > 0 ? text.ExpertsPerToken * ((3.0 * text.ExpertIntermediate) + (3 * text.Hidden)) : 3.0 * text.Intermediate;
            return (4.0 * text.Hidden) + (3 * query) + (3 * keyValue) + mlp;
        }

        /// <summary>A tower that is not trained keeps nothing from block to block.</summary>
        private static long VisionBytes(Qwen3VLConfig model, TuningOptions tuning, double patches, double width, bool recompute)
        {
            if (model.Vision is not { } vision)
            {
                return 0;
            }

            double block = (12.0 * vision.Hidden) + (7.0 * vision.Intermediate);
            bool trained = tuning.Lora is null
                ? !tuning.FreezeVision
                : LoraTargetPlan.Select(model, tuning.Lora, "tuning.lora").Any(target => target.Parameter.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal));
            double floats = !trained ? block : recompute ? (vision.Depth * (double)vision.Hidden) + block : vision.Depth * block;
            return (long)(patches * ((floats * width) + (vision.PatchLength * sizeof(float))));
        }
    }
}
