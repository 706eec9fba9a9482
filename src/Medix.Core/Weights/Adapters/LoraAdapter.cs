using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>
/// A low-rank adapter in PEFT's file format: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>. Layers are sorted by parameter name.
/// </summary>
public sealed record LoraAdapter(LoraConfig Config, IReadOnlyList<LoraLayer> Layers)
{
    /// <summary>The weights' file in an adapter's folder.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Whether the folder holds an adapter.</summary>
    public static bool IsAdapter(string folder) => File.Exists(Path.Combine(folder, LoraConfigFile.Name));

    /// <summary>
    /// Reads an adapter of a model of this shape. Throws <see cref="MedixException"/> naming the tensor where the adapter is of another model or has something
    /// that is not supported; nothing in the file is passed over.
    /// </summary>
    public static LoraAdapter Load(string folder, Qwen3VLConfig model)
    {
        LoraConfig config = LoraConfigFile.Read(Path.Combine(folder, LoraConfigFile.Name));
        string path = Path.Combine(folder, WeightsFile);
        if (!File.Exists(path) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
        {
            throw new MedixException($"{folder}: adapter_model.bin is a pickle, which can run code when it is read. Save the adapter as {WeightsFile}.");
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        return new(config, LoraTensors.Read(file, config, model));
    }

    /// <summary>Writes the adapter's two files, the weights in fp32 and first; each appears whole or not at all.</summary>
    public void Save(string folder, Qwen3VLConfig model)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, WeightsFile), LoraTensors.ToTensors(this, model));
        AtomicFile.WriteAllText(Path.Combine(folder, LoraConfigFile.Name), LoraConfigFile.ToJson(Config).ToJsonString(Indented) + "\n");
    }

    private static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };
}
