using Medix.Inference.Kernels;
using Medix.Training.Modules.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Medix.Training.Modules;

/// <summary>
/// The language-model head, softmax and choice of the target in one: log-probabilities (row 0) and entropies (row 1) [2, R] from hidden [R, H] and weight
/// [V, H], with the logits made chunk by chunk. Small ones are kept for the backward pass, large ones made again there. Arguments: hidden, weight, int[] targets,
/// banned ids, temperature.
/// </summary>
internal sealed unsafe class LogProbFunction : SingleTensorFunction<LogProbFunction>
{
    /// <summary>Logits that are kept at most: 256 MB.</summary>
    private const long KeptLogits = 1L << 26;

    /// <summary>Logits that are made at a time: 16 MB, or more where the vocabulary is large.</summary>
    private const long ChunkLogits = 1L << 22;

    /// <summary>Fewer rows would not be worth the reading of the weight.</summary>
    private const int LeastRows = 128;

    private const string Call = "call";

    public override string Name => nameof(LogProbFunction);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor hidden = (Tensor)vars[0], weight = (Tensor)vars[1];
        HeadCall call = new((int[])vars[2], [.. (IReadOnlyList<int>)vars[3]], (float)vars[4]);
        int rows = call.Targets.Length, vocabulary = checked((int)weight.shape[0]);
        bool keep = (long)rows * vocabulary <= KeptLogits;
        int chunk = keep ? rows : ChunkRows(vocabulary);
        Tensor logits = TensorMemory.Empty(chunk, vocabulary);
        Tensor result = TensorMemory.Empty(2, rows), logSums = TensorMemory.Empty(rows);
        fixed (int* targets = call.Targets, banned = call.Banned)
        {
            for (int row = 0; row < rows; row += chunk)
            {
                LogProbKernel kernel = call.Kernel(targets + row, banned, vocabulary, Math.Min(chunk, rows - row));
                kernel.Logits = TensorMemory.Floats(logits);
                kernel.LogProbs = TensorMemory.Floats(result) + row;
                kernel.Entropies = TensorMemory.Floats(result) + rows + row;
                kernel.LogSums = TensorMemory.Floats(logSums) + row;
                MakeLogits(hidden, weight, row, kernel);
                kernel.Forward();
            }
        }

        ctx.save_for_backward(keep ? [hidden, weight, result, logSums, logits] : [hidden, weight, result, logSums]);
        ctx.save_data(Call, call);
        return result;
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientTensors.Begin();
        List<Tensor> saved = ctx.get_saved_variables();
        HeadCall call = (HeadCall)ctx.get_data(Call);
        Tensor hidden = saved[0], weight = saved[1], dresult = grad_output.contiguous();
        int rows = call.Targets.Length, vocabulary = checked((int)weight.shape[0]), chunk = Math.Min(rows, ChunkRows(vocabulary));
        Tensor dhidden = TensorMemory.Empty(hidden.shape);
        Tensor? dweight = weight.requires_grad ? zeros(weight.shape, ScalarType.Float32) : null;
        Tensor gradients = TensorMemory.Empty(chunk, vocabulary);
        fixed (int* targets = call.Targets, banned = call.Banned)
        {
            for (int row = 0; row < rows; row += chunk)
            {
                LogProbKernel kernel = call.Kernel(targets + row, banned, vocabulary, Math.Min(chunk, rows - row));
                kernel.LogitGradients = TensorMemory.Floats(gradients);
                kernel.Entropies = TensorMemory.Floats(saved[2]) + rows + row;
                kernel.LogSums = TensorMemory.Floats(saved[3]) + row;
                kernel.LogProbGradients = TensorMemory.Floats(dresult) + row;
                kernel.EntropyGradients = TensorMemory.Floats(dresult) + rows + row;
                kernel.Logits = saved.Count > 4 ? TensorMemory.Floats(saved[4]) + ((long)row * vocabulary) : RemakeLogits(hidden, weight, row, kernel);
                kernel.Backward();
                AddProducts(hidden, weight, dhidden, dweight, row, kernel);
            }
        }

        return GradientTensors.Return([.. saved, grad_output, dresult, gradients], dhidden, dweight, null, null, null);
    }

    private static int ChunkRows(int vocabulary) => (int)Math.Max(LeastRows, ChunkLogits / vocabulary);

    private static void MakeLogits(Tensor hidden, Tensor weight, int row, in LogProbKernel kernel)
    {
        int width = checked((int)hidden.shape[1]), vocabulary = kernel.Vocabulary;
        float* from = TensorMemory.Floats(hidden) + ((long)row * width);
        if (weight.dtype == ScalarType.BFloat16)
        {
            Gemm.NT(WorkerPool.Shared, from, width, TensorMemory.BFloat16s(weight), width, kernel.Logits, vocabulary, kernel.Rows, vocabulary, width);
        }
        else
        {
            Gemm.NT(WorkerPool.Shared, from, width, TensorMemory.Floats(weight), width, kernel.Logits, vocabulary, kernel.Rows, vocabulary, width);
        }
    }

    /// <summary>Makes a chunk's logits in the place where its gradients go, with statistics that nobody reads.</summary>
    private static float* RemakeLogits(Tensor hidden, Tensor weight, int row, LogProbKernel kernel)
    {
        using Tensor unread = TensorMemory.Empty(3, kernel.Rows);
        kernel.Logits = kernel.LogitGradients;
        kernel.LogProbs = TensorMemory.Floats(unread);
        kernel.Entropies = kernel.LogProbs + kernel.Rows;
        kernel.LogSums = kernel.Entropies + kernel.Rows;
        MakeLogits(hidden, weight, row, kernel);
        kernel.Forward();
        return kernel.Logits;
    }

    private static void AddProducts(Tensor hidden, Tensor weight, Tensor dhidden, Tensor? dweight, int row, in LogProbKernel kernel)
    {
        int width = checked((int)hidden.shape[1]), vocabulary = kernel.Vocabulary;
        long at = (long)row * width;
        float* to = TensorMemory.Floats(dhidden) + at;
        if (weight.dtype == ScalarType.BFloat16)
        {
            Gemm.NN(WorkerPool.Shared, kernel.LogitGradients, vocabulary, TensorMemory.BFloat16s(weight), width, to, width, kernel.Rows, width, vocabulary);
        }
        else
        {
            Gemm.NN(WorkerPool.Shared, kernel.LogitGradients, vocabulary, TensorMemory.Floats(weight), width, to, width, kernel.Rows, width, vocabulary);
        }

        if (dweight is not null)
        {
            Gemm.TN(
                WorkerPool.Shared, kernel.LogitGradients, vocabulary, TensorMemory.Floats(hidden) + at, width,
                TensorMemory.Floats(dweight), width, vocabulary, width, kernel.Rows, accumulate: true);
        }
    }

    private sealed record HeadCall(int[] Targets, int[] Banned, float Temperature)
    {
        public LogProbKernel Kernel(int* targets, int* banned, int vocabulary, int rows) => new()
        {
            Targets = targets,
            Banned = banned,
            BannedCount = Banned.Length,
            Vocabulary = vocabulary,
            Rows = rows,
            InverseTemperature = 1f / Temperature,
        };
    }
}
