using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Training.Qwen3VL;

/// <summary>Writes a model the way published ones are laid out, one tensor at a time.</summary>
internal static class ModelFolder
{
    public static void Save(Qwen3VLForTraining model, string folder, WeightStorage storage)
    {
        string dtype = storage == WeightStorage.Bf16 ? "BF16" : "F32";
        CheckpointWriter.Write(folder, [.. ModelTensors.Of(model.Config).Select(tensor => new StreamedTensor(
            TensorNames.Published(tensor.Name, model.Config), dtype, tensor.Shape, stream => TensorBytes.Write(stream, dtype, model.Values(tensor.Name))))]);
        ModelConfigWriter.Write(Path.Combine(folder, "config.json"), model.Config, storage == WeightStorage.Bf16 ? "bfloat16" : "float32");
    }
}
