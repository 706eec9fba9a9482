using System.Text.Json;
using Medix.Clients.Hub;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Inspection;

namespace Medix.Cli.Views;

/// <summary>Shows what a packed model is: from its header alone, or after reading all of it.</summary>
internal static class PackedView
{
    /// <summary>What a packed file is; false where a check found damage.</summary>
    public static bool Show(TextWriter writer, PackedFile file, bool tensors, bool verify, bool json, CancellationToken cancellationToken)
    {
        ModelCompanions beside = ModelInspector.Companions(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, file.Config.Text);
        PackedTensor? damage = verify ? file.FindDamage(cancellationToken: cancellationToken) : null;
        if (json)
        {
            writer.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Kind = "packedModel", file.Path, file.Source, file.Config.Architecture, file.FileBytes, file.Plan, beside.Cache, beside.Tokenizer, beside.Licence,
                    Tensors = tensors ? file.Tensors : null, Verified = verify ? damage is null : (bool?)null, Damaged = damage?.Name,
                },
                EventLog.Lines));
            return damage is null;
        }

        ShowSummary(writer, file, beside);
        foreach (PackedTensor tensor in tensors ? file.Tensors : [])
        {
            Line(writer, $"{tensor.Name,-36} {Name(tensor.Storage),-5} [{string.Join(", ", tensor.Shape)}] {tensor.Bytes} bytes at {tensor.Offset}");
        }

        string verdict = !verify ? "header checked; --verify opens the model and checks every byte" : damage is null
            ? "the model opens, and every part has the checksum it was written with"
            : $"'{damage.Name}' is damaged: its SHA-256 is not {damage.Sha256}. Copy or make the file again.";
        Line(writer, $"checks        {verdict}");
        return damage is null;
    }

    private static void ShowSummary(TextWriter writer, PackedFile file, ModelCompanions beside)
    {
        TextConfig text = file.Config.Text;
        Line(writer, $"path          {file.Path}");
        Line(writer, $"kind          packed model, made of {file.Source}");
        Line(writer, $"architecture  {file.Config.Architecture}");
        Line(writer, $"shape         {text.Layers} layers of {text.Hidden}, {text.Heads} heads, {text.KeyValueHeads} for keys and values, vocabulary {text.VocabularySize}");
        Line(writer, $"vision        {(file.Config.Vision is { } vision ? $"{vision.Depth} blocks of {vision.Hidden}" : "none")}");
        Line(writer, $"KV cache      {InspectView.Said(beside.Cache)}");
        Line(writer, $"tokenizer     {(beside.Tokenizer is { } tokenizer ? InspectView.Said(tokenizer) : "none in the folder")}");
        Line(writer, $"licence       {InspectView.Clean(InspectView.Said(beside.Licence))}");
        Line(writer, $"size          {ByteSize.Show(file.FileBytes)} ({file.FileBytes:N0} bytes)");
        foreach (IGrouping<WeightStorage, PackedTensor> kind in file.Tensors.GroupBy(tensor => tensor.Storage).OrderByDescending(kind => kind.Sum(tensor => tensor.Bytes)))
        {
            Line(writer, $"  {Name(kind.Key),-5}       {kind.Count()} tensors, {ByteSize.Show(kind.Sum(tensor => tensor.Bytes))}");
        }

        if (file.Plan.Exceptions.Count > 0)
        {
            Line(writer, $"kept higher   {string.Join(", ", file.Plan.Exceptions.Select(pair => $"{pair.Key} in {Name(pair.Value)}"))}");
        }
    }

    private static string Name(WeightStorage storage) => storage.ToString().ToLowerInvariant();

    private static void Line(TextWriter writer, FormattableString text) => writer.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
