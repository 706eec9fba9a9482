using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Training.Qwen3VL;

/// <summary>Writes a model the way published ones are laid out.</summary>
internal static class ModelFolder
{
    public static void Save(Qwen3VLForTraining model, string folder, WeightStorage storage)
    {
        Directory.CreateDirectory(folder);
        bool half = storage == WeightStorage.Bf16;
        List<TensorData> tensors = [];
        Dictionary<string, long[]> shapes = ModelTensors.Of(model.Config).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        model.Export((name, values) =>
        {
            byte[] bytes = half ? ToBFloat16(values) : MemoryMarshal.AsBytes(values).ToArray();
            tensors.Add(new(PublishedName(name, model.Config), half ? "BF16" : "F32", shapes[name], bytes));
        });
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors, null);
        ModelConfigWriter.Write(Path.Combine(folder, "config.json"), model.Config, half ? "bfloat16" : "float32");
    }

    /// <summary>Text-only files name their layers without the language model's prefix.</summary>
    private static string PublishedName(string name, Qwen3VLConfig config) =>
        config.Vision is null && name.StartsWith(ModelTensors.TextPrefix, StringComparison.Ordinal)
            ? string.Concat("model.", name.AsSpan(ModelTensors.TextPrefix.Length))
            : name;

    private static byte[] ToBFloat16(ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[checked(values.Length * 2)];
        for (int i = 0; i < values.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(values[i]);
            uint rounded = float.IsNaN(values[i]) ? bits | 0x0040_0000 : bits + 0x7fff + ((bits >> 16) & 1);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)(rounded >> 16));
        }

        return bytes;
    }
}
