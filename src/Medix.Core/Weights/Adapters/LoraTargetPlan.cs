using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>A weight that an adapter changes: a Linear's [out, in], or fused experts of that size.</summary>
public sealed record LoraTarget(string Parameter, string Path, int Input, int Output, int Experts);

/// <summary>Finds the weights of a model that an adapter may change, by the names their modules have in the model's own files.</summary>
public static class LoraTargetPlan
{
    private static readonly string[] NotLinear = ["embed_tokens.weight", "pos_embed.weight", "patch_embed.proj.weight"];

    /// <summary>Every linear weight, and all fused experts, in the model's order.</summary>
    public static IReadOnlyList<LoraTarget> All(Qwen3VLConfig config) => [.. ModelTensors.Of(config).Select(tensor => Of(tensor, config)).OfType<LoraTarget>()];

    /// <summary>
    /// The weights that the settings name. Throws <see cref="MedixException"/> with the module names there are where nothing matches.
    /// </summary>
    public static IReadOnlyList<LoraTarget> Select(Qwen3VLConfig config, LoraConfig lora, string source)
    {
        IReadOnlyList<LoraTarget> all = All(config);
        LoraTarget[] chosen = [.. all.Where(target => target.Experts > 0 ? lora.Targets.HasParameter(target.Path) : lora.Targets.HasModule(target.Path))];
        IEnumerable<string> known = all.Where(t => t.Experts == 0).Select(t => t.Path[(t.Path.LastIndexOf('.') + 1)..]).Distinct();
        return chosen.Length > 0
            ? chosen
            : throw new MedixException(
                $"{source}: the adapter's targets match no weight of {config.Architecture}. Modules there are: {string.Join(", ", known)}; "
                + "fused experts are parameters: mlp.experts.gate_up_proj, mlp.experts.down_proj.");
    }

    private static LoraTarget? Of(ExpectedTensor tensor, Qwen3VLConfig config)
    {
        string published = TensorNames.Published(tensor.Name, config);
        if (tensor.Shape.Length == 3)
        {
            return new(tensor.Name, published, checked((int)tensor.Shape[1]), checked((int)tensor.Shape[2]), checked((int)tensor.Shape[0]));
        }

        // The router's weight is a parameter of no Linear module, in the reference and so in PEFT.
        bool router = tensor.Name.EndsWith("mlp.gate.weight", StringComparison.Ordinal);
        return tensor.Shape.Length == 2 && !router && !NotLinear.Any(end => tensor.Name.EndsWith(end, StringComparison.Ordinal))
            ? new(tensor.Name, published[..^".weight".Length], checked((int)tensor.Shape[1]), checked((int)tensor.Shape[0]), 0)
            : null;
    }
}
