using System.Globalization;
using Medix.Runs;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// A tensor of a file to be written: its name and row-major shape there, the checkpoint's tensor it comes from, its format, the one it had if its rows were whole blocks
/// of that, and its values.
/// </summary>
internal sealed record PlannedTensor(string Name, long[] Shape, string Source, BlockFormat Format, BlockFormat Wanted, ValueReader Read)
{
    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (product, side) => checked(product * side));
}

/// <summary>Lists the tensors of a file in the order in which llama.cpp's own tools write them.</summary>
internal static class ExportPlan
{
    private static readonly string[] NoWeights = [".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"];

    /// <summary>The tensors of the language model, or of the vision tower.</summary>
    /// <exception cref="MedixException">The checkpoint holds a tensor that a file of this kind has no place for.</exception>
    public static IReadOnlyList<PlannedTensor> Of(Checkpoint model, GgufExportType type, bool vision)
    {
        Dictionary<string, ExpectedTensor> expected = ModelTensors.Of(model.Config).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        FormatRules rules = new(type, model.Config.Text);
        List<PlannedTensor> plan = [];
        foreach (string name in InFileOrder(model))
        {
            if (!expected.TryGetValue(name, out ExpectedTensor? tensor))
            {
                throw new MedixException(
                    $"{model.Folder}: tensor '{name}' is no part of {model.Config.Architecture} as llama.cpp knows it; leaving it out would change the answers. "
                    + "Use the weights of an unchanged Qwen3 or Qwen3-VL model.");
            }

            if (GgufTensorNames.IsVision(name) == vision)
            {
                plan.AddRange(Pieces(model, tensor, rules));
            }
        }

        return type.ByQuantizer ? [.. plan.OrderBy(tensor => LayerOf(tensor.Name)).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)] : plan;
    }

    /// <summary>Canonical names file by file, in a file by the names it has there: the converter's order.</summary>
    private static IEnumerable<string> InFileOrder(Checkpoint model) => model.Files
        .OrderBy(file => Path.GetFileName(file.Path), StringComparer.Ordinal)
        .SelectMany(file => file.Tensors.Keys.Order(StringComparer.Ordinal))
        .Where(name => !NoWeights.Any(end => name.EndsWith(end, StringComparison.Ordinal)))
        .Select(TensorNames.Canonical);

    private static IEnumerable<PlannedTensor> Pieces(Checkpoint model, ExpectedTensor tensor, FormatRules rules)
    {
        IReadOnlyList<string> names = GgufTensorNames.Of(tensor.Name, model.Config.Vision?.DeepstackIndexes ?? []);
        PlannedTensor Plan(int piece, long[] shape, ValueReader read) =>
            new(names[piece], shape, tensor.Name, rules.Of(names[piece], shape), rules.Wanted(names[piece], shape), read);
        if (tensor.OtherShape is { } held)
        {
            return Enumerable.Range(0, names.Count).Select(piece => Plan(piece, [held[0], held[1] / names.Count, held[2]], Experts(model, tensor, piece, names.Count)));
        }

        return names.Count == 1
            ? [Plan(0, tensor.Shape, TensorSource.Whole(model, tensor.Name))]
            : Enumerable.Range(0, names.Count).Select(frame =>
                Plan(frame, [.. tensor.Shape[..2], .. tensor.Shape[3..]], TensorSource.Runs(model, tensor.Name, tensor.Shape[3] * tensor.Shape[4], frame, names.Count)));
    }

    /// <summary>One of the matrices that an experts' tensor holds side by side: gate or up, or down alone.</summary>
    private static ValueReader Experts(Checkpoint model, ExpectedTensor tensor, int piece, int pieces)
    {
        long[] held = tensor.OtherShape!;
        long outputs = held[1] / pieces, inputs = held[2];
        return HeldAsOutIn(model, tensor)
            ? TensorSource.Runs(model, tensor.Name, outputs * inputs, piece, pieces)
            : TensorSource.Turned(model, tensor.Name, inputs, held[1], piece * outputs, outputs);
    }

    /// <summary>
    /// Whether the experts are [experts, out, in]. A square shape fits both layouts, but never in both tensors of a layer, and one layer is in one layout.
    /// </summary>
    private static bool HeldAsOutIn(Checkpoint model, ExpectedTensor tensor)
    {
        if (!tensor.Shape.AsSpan().SequenceEqual(tensor.OtherShape))
        {
            return model.HoldsExpertsTransposed(tensor);
        }

        string start = tensor.Name[..(tensor.Name.LastIndexOf('.') + 1)];
        return model.HoldsExpertsTransposed(ModelTensors.Of(model.Config).First(other =>
            other.OtherShape is not null && other.Name != tensor.Name && other.Name.StartsWith(start, StringComparison.Ordinal)));
    }

    private static int LayerOf(string name)
    {
        int dot = name.StartsWith("blk.", StringComparison.Ordinal) ? name.IndexOf('.', 4) : -1;
        return dot < 0 ? -1 : int.Parse(name.AsSpan(4, dot - 4), CultureInfo.InvariantCulture);
    }
}
