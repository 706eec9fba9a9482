using Medix.Training.Qwen3VL;
using Medix.Weights;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>A small model with random weights in a folder of its own, which goes with it.</summary>
public sealed class TempModel : IDisposable
{
    public TempModel(Qwen3VLConfig config, Medix.Inference.Kernels.WeightStorage storage = Medix.Inference.Kernels.WeightStorage.Fp32)
    {
        Folder = Directory.CreateTempSubdirectory("medix-model-").FullName;
        using Qwen3VLForTraining model = TinyModels.Create(config);
        model.Save(Folder, storage);
    }

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
