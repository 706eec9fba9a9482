using Medix.Training.Modules.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>silu(gate) ⊙ up. Arguments: gate, up, of one shape.</summary>
internal sealed unsafe class SwiGluFunction : SingleTensorFunction<SwiGluFunction>
{
    public override string Name => nameof(SwiGluFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor gate = (Tensor)vars[0], up = (Tensor)vars[1];
        Tensor h = TensorMemory.Empty(gate.shape);
        SwiGluKernel kernel = Kernel(gate, up);
        kernel.H = TensorMemory.Floats(h);
        kernel.Forward();
        ctx.save_for_backward([gate, up]);
        return h;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor dh = grad_output.contiguous();
        Tensor dgate = TensorMemory.Empty(dh.shape), dup = TensorMemory.Empty(dh.shape);
        SwiGluKernel kernel = Kernel(saved[0], saved[1]);
        kernel.Dh = TensorMemory.Floats(dh);
        kernel.Dgate = TensorMemory.Floats(dgate);
        kernel.Dup = TensorMemory.Floats(dup);
        kernel.Backward();
        return GradientTensors.Return([.. saved, grad_output, dh], dgate, dup);
    }

    private static SwiGluKernel Kernel(Tensor gate, Tensor up) =>
        new() { Gate = TensorMemory.Floats(gate), Up = TensorMemory.Floats(up), Count = gate.numel() };
}
