using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using Medix.Weights.Adapters;
using TorchSharp;

namespace Medix.Training.Learning;

/// <summary>What a recipe's <c>tuning</c> means for the model.</summary>
public static class Tuning
{
    /// <summary>
    /// The options of a model of this shape; <paramref name="checkpoint"/> is a folder of this run to go on from, or null.
    /// </summary>
    /// <exception cref="MedixException">The device is not there, or the adapter to start from does not fit.</exception>
    public static TuningOptions OptionsOf(TrainRecipe recipe, Qwen3VLConfig model, string? checkpoint)
    {
        TuningRecipe tuning = recipe.Tuning;
        LoraConfig? lora = tuning.Lora is null ? null : LoraOf(tuning.Lora, recipe.Model.Path);
        string? start = lora is null ? null : checkpoint ?? tuning.Lora!.Start;
        return new()
        {
            Lora = lora,
            Adapter = start is null ? null : LoraAdapter.Load(start, model),
            FreezeVision = tuning.FreezeVision,
            RecomputeActivations = tuning.RecomputeActivations,
            BFloat16 = tuning.Compute == "bf16",
            Device = DeviceOf(tuning.Device),
            Seed = Seed.Derive(recipe.Seed, Seed.Of("adapter")),
        };
    }

    /// <summary>The adapter's settings as PEFT knows them.</summary>
    public static LoraConfig LoraOf(LoraRecipe recipe, string? baseModel)
    {
        LoraTargets targets = recipe.Pattern is { } pattern
            ? new([], pattern, Parameters: recipe.Parameters)
            : new(recipe.Modules, Parameters: recipe.Parameters);
        LoraConfig config = new(recipe.Rank, recipe.Alpha, targets, recipe.RankStabilised, recipe.Dora, BaseModel: baseModel);
        config.Validate("tuning.lora");
        return config;
    }

    private static torch.Device DeviceOf(string name)
    {
        if (name == "cpu")
        {
            return torch.CPU;
        }

        bool known = name == "cuda" || (name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), out int index) && index >= 0);
        if (!known)
        {
            throw new MedixException($"tuning.device is \"{name}\", expected \"cpu\", \"cuda\" or \"cuda:N\".");
        }

        return torch.cuda_is_available()
            ? torch.device(name)
            : throw new MedixException(
                $"tuning.device is \"{name}\", but this build of libtorch sees no CUDA device. Build with -p:MedixCuda=true on a machine with an NVIDIA driver, "
                    + $"or set it to \"cpu\".");
    }
}
