using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>An adapter's tensors under PEFT's names.</summary>
internal static class LoraTensors
{
    private const string Prefix = "base_model.model.";
    private const string Inner = ".base_layer";
    private static readonly string[] ExpertWeights = ["gate_up_proj", "down_proj"];

    public static IReadOnlyList<LoraLayer> Read(SafetensorsFile file, LoraConfig config, Qwen3VLConfig model)
    {
        Dictionary<string, LoraTarget> byPath = LoraTargetPlan.All(model).ToDictionary(target => target.Path, StringComparer.Ordinal);
        Dictionary<string, string> owned = file.Tensors.Keys.ToDictionary(name => Normalised(name, file.Path), name => name, StringComparer.Ordinal);
        List<LoraLayer> layers = [];
        foreach (string key in owned.Keys.Where(key => key.EndsWith(".lora_A", StringComparison.Ordinal)).ToArray())
        {
            string module = key[..^".lora_A".Length];
            layers.Add(Layer(file, config, byPath, module, name => owned.Remove(name, out string? found) ? found : null));
        }

        return owned.Count == 0
            ? [.. layers.OrderBy(layer => layer.Parameter, StringComparer.Ordinal)]
            : throw new MedixException($"{file.Path}: tensor '{owned.Values.First()}' belongs to no adapter that Medix knows. Save the adapter without it, "
                + $"or merge it where it was made.");
    }

    public static IReadOnlyList<TensorData> ToTensors(LoraAdapter adapter, Qwen3VLConfig model)
    {
        Dictionary<string, LoraTarget> targets = LoraTargetPlan.All(model).ToDictionary(target => target.Parameter, StringComparer.Ordinal);
        List<TensorData> tensors = [];
        foreach (LoraLayer layer in adapter.Layers)
        {
            int experts = Math.Max(layer.Experts, 1);
            string module = Prefix + ModulePath(targets[layer.Parameter], adapter);
            tensors.Add(TensorData.FromFloat32(module + ".lora_A.weight", [(long)experts * layer.Rank, layer.Input], layer.A));
            tensors.Add(TensorData.FromFloat32(module + ".lora_B.weight", [layer.Output, (long)layer.Rank * experts], layer.B));
            if (layer.Magnitude is not null)
            {
                tensors.Add(TensorData.FromFloat32(module + ".lora_magnitude_vector", [layer.Output], layer.Magnitude));
            }
        }

        return tensors;
    }

    /// <summary>PEFT wraps a module once for each of its parameters: where both expert weights are adapted, the first is the inner one.</summary>
    private static string ModulePath(LoraTarget target, LoraAdapter adapter)
    {
        if (target.Experts == 0)
        {
            return target.Path;
        }

        string module = target.Path[..target.Path.LastIndexOf('.')];
        bool outerToo = target.Path.EndsWith("gate_up_proj", StringComparison.Ordinal)
            && adapter.Layers.Any(layer => layer.Parameter == target.Parameter.Replace("gate_up_proj", "down_proj", StringComparison.Ordinal));
        return outerToo ? module + Inner : module;
    }

    /// <summary>The module path and kind: without PEFT's prefix, the adapter's name and <c>.weight</c>.</summary>
    private static string Normalised(string name, string file)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            throw new MedixException($"{file}: tensor '{name}' has no PEFT name, expected '{Prefix}…'. Save the adapter with PEFT or Medix.");
        }

        string path = name[Prefix.Length..];
        path = path.EndsWith(".weight", StringComparison.Ordinal) ? path[..^".weight".Length] : path;
        return path.EndsWith(".default", StringComparison.Ordinal) ? path[..^".default".Length] : path;
    }

    private static LoraLayer Layer(SafetensorsFile file, LoraConfig config, Dictionary<string, LoraTarget> byPath, string module, Func<string, string?> take)
    {
        string a = take(module + ".lora_A")!;
        string b = take(module + ".lora_B") ?? throw new MedixException($"{file.Path}: tensor '{a}' has no lora_B beside it. Fetch the adapter again.");
        string? magnitude = take(module + ".lora_magnitude_vector");
        long[] shapeA = file.Tensors[a].Shape, shapeB = file.Tensors[b].Shape;
        if (shapeA.Length != 2 || shapeB.Length != 2)
        {
            throw Mismatch(file, a, b, "two matrices");
        }

        LoraTarget? target = byPath.GetValueOrDefault(module) ?? Experts(byPath, module, shapeA, shapeB, file, a, b);
        int experts = Math.Max(target.Experts, 1);
        int rank = checked((int)(shapeA[0] / experts));
        bool swapped = target.Experts > 0 && shapeA[1] == target.Output && shapeB[0] == target.Input && shapeA[1] != target.Input;
        bool fits = shapeA[0] == (long)rank * experts && shapeB[1] == shapeA[0] && rank > 0
            && (swapped || (shapeA[1] == target.Input && shapeB[0] == target.Output));
        if (!fits || (magnitude is not null && !file.Tensors[magnitude].Shape.SequenceEqual([target.Output])))
        {
            throw Mismatch(file, a, b, $"the change of '{target.Parameter}' [{target.Output}, {target.Input}]");
        }

        if (config.Dora != (magnitude is not null))
        {
            throw new MedixException($"{file.Path}: use_dora is {config.Dora}, but '{module}' has {(magnitude is null ? "no" : "a")} magnitude vector. "
                + $"Fetch configuration and weights of one adapter.");
        }

        if (rank != config.RankOf(module) && target.Experts == 0)
        {
            throw new MedixException($"{file.Path}: '{a}' has rank {rank}, but {LoraConfigFile.Name} gives {config.RankOf(module)}. "
                + $"Fetch configuration and weights of one adapter.");
        }

        float[] valuesA = file.ReadFloat32(a), valuesB = file.ReadFloat32(b);
        if (swapped)
        {
            (valuesA, valuesB) = Swap(valuesA, valuesB, target, rank);
        }

        return new(
            target.Parameter, rank, config.ScaleOf(target.Path, rank), target.Input, target.Output, valuesA, valuesB,
            magnitude is null ? null : file.ReadFloat32(magnitude), target.Experts);
    }

    /// <summary>Which of a module's expert weights it is: no two have the same sides, in either direction.</summary>
    private static LoraTarget Experts(
        Dictionary<string, LoraTarget> byPath, string module, long[] shapeA, long[] shapeB, SafetensorsFile file, string a, string b)
    {
        string path = module.EndsWith(Inner, StringComparison.Ordinal) ? module[..^Inner.Length] : module;
        LoraTarget[] candidates = [.. ExpertWeights.Select(name => byPath.GetValueOrDefault($"{path}.{name}")).OfType<LoraTarget>().Where(t => t.Experts > 0)];
        return candidates.FirstOrDefault(t => shapeA[1] == t.Input && shapeB[0] == t.Output)
            ?? candidates.FirstOrDefault(t => shapeA[1] == t.Output && shapeB[0] == t.Input)
            ?? throw (candidates.Length > 0
                ? Mismatch(file, a, b, $"the change of a weight of '{path}'")
                : new MedixException($"{file.Path}: tensor '{a}' changes '{module}', which is no linear weight of this model. Use the adapter with the model it was trained on."));
    }

    /// <summary>From A [E, rank, out] and B [in, rank, E], as for parameters held the other way round, to A [E, rank, in] and B [out, rank, E].</summary>
    private static (float[] A, float[] B) Swap(float[] a, float[] b, LoraTarget target, int rank)
    {
        int experts = target.Experts;
        var newA = new float[b.Length];
        var newB = new float[a.Length];
        for (int e = 0; e < experts; e++)
        {
            for (int r = 0; r < rank; r++)
            {
                for (int i = 0; i < target.Input; i++)
                {
                    newA[(((e * rank) + r) * target.Input) + i] = b[(((i * rank) + r) * experts) + e];
                }

                for (int o = 0; o < target.Output; o++)
                {
                    newB[(((o * rank) + r) * experts) + e] = a[(((e * rank) + r) * target.Output) + o];
                }
            }
        }

        return (newA, newB);
    }

    private static MedixException Mismatch(SafetensorsFile file, string a, string b, string what) => new(
        $"{file.Path}: '{a}' {file.Tensors[a].ShapeText} and '{b}' {file.Tensors[b].ShapeText} do not make {what}. Use the adapter with the model it was trained on.");
}
