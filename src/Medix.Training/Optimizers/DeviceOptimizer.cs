using Medix.Training.Native;
using Medix.Training.Qwen3VL;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Optimizers;

/// <summary>
/// AdamW for parameters wherever they are. Moments are in main memory and so is the update; parameters on a GPU come and go through pinned memory (the
/// offloading of ZeRO-Offload, arXiv 2101.06840), which leaves the GPU's memory to the model.
/// </summary>
internal sealed class DeviceOptimizer(ParameterStore store)
{
    private readonly AdamW optimizer = new(store.Values.numel());

    /// <summary>Steps taken so far.</summary>
    public long Step => optimizer.Step;

    /// <summary>See <see cref="AdamW.Update"/>.</summary>
    public OptimizerReport Update(AdamWOptions options)
    {
        if (store.Values.device_type == DeviceType.CPU)
        {
            return optimizer.Update(store.ValueSpan, store.GradientSpan, options);
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor values = Pinned(store.Values), gradients = Pinned(store.Gradients);
        OptimizerReport report = optimizer.Update(TensorMemory.Span(values), TensorMemory.Span(gradients), options);
        store.Values.copy_(values);
        return report;
    }

    /// <summary>See <see cref="AdamW.Export"/>.</summary>
    public AdamWState Export() => optimizer.Export();

    /// <summary>See <see cref="AdamW.Import"/>.</summary>
    public void Import(AdamWState state) => optimizer.Import(state);

    private static Tensor Pinned(Tensor source)
    {
        Tensor here = empty(source.shape, source.dtype).pin_memory();
        here.copy_(source);
        return here;
    }
}
