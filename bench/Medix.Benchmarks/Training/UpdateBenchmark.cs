using System.Diagnostics;
using System.Globalization;
using Medix.Benchmarks.Inference;
using Medix.Inference.Generation;
using Medix.Runs;
using Medix.Training.Optimizers;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Benchmarks.Training;

/// <summary>
/// <c>update [repeats] [plain]</c>: one update at the peers' shapes: forward, policy-gradient loss, backward, clipping and AdamW.
/// The peers' figures (2 cores, fp32): TRL's whole GRPO step
/// on the decoder 3.8-4.2 s, transformers with AdamW on the nano-like Qwen3-VL 0.67 s.
/// </summary>
public static class UpdateBenchmark
{
    /// <summary>Runs the benchmark and prints every repeat; <c>plain</c> takes torch's own operations instead of our kernels.</summary>
    public static int Run(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        int repeats = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        bool kernels = !args.Contains("plain");
        Measure("5 M decoder, 4 prompts of 64 x 8 x 128", BenchmarkModels.Decoder, Batch(BenchmarkModels.Decoder, 64, 128), repeats, kernels);
        Measure("nano Qwen3-VL, 4 prompts of 58 x 8 x 96", BenchmarkModels.Nano, Batch(BenchmarkModels.Nano, 40, 96), repeats, kernels);
        return 0;
    }

    /// <summary>4 prompts with 8 random responses each.</summary>
    private static TrainingBatch Batch(Qwen3VLConfig config, int promptTokens, int responseTokens)
    {
        SeededRandom random = Seed.Random(4);
        int[] Response() => [.. Enumerable.Range(0, responseTokens).Select(_ => random.NextInt(1900))];
        IReadOnlyList<GenerationRequest> requests = BenchmarkModels.Prompts(config, 4, 8, promptTokens);
        return new([.. requests.Select(request => new TrainingGroup(request.Input, [.. request.DrawSeeds.Select(_ => Response())]))]);
    }

    private static void Measure(string name, Qwen3VLConfig config, TrainingBatch batch, int repeats, bool kernels)
    {
        using Qwen3VLForTraining model = Qwen3VLForTraining.Create(config, 1, new() { OwnKernels = kernels });
        AdamW optimizer = new(model.Store.ValueSpan.Length);
        using Tensor advantages = rand(batch.ResponseTokens) - 0.5;
        double best = double.MaxValue;
        for (int i = 0; i <= repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Environment.ProcessCpuUsage before = Environment.CpuUsage;
            using DisposeScope scope = NewDisposeScope();
            model.Store.ZeroGradients();
            using ResponseLogProbs result = model.Evaluate(batch, 1f);
            double forward = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Tensor loss = -((result.LogProbs - result.LogProbs.detach()).exp() * advantages).mean();
            Qwen3VLForTraining.Backward(loss);
            double backward = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            optimizer.Update(model.Store.ValueSpan, model.Store.GradientSpan, new(LearningRate: 1e-4));
            double total = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Environment.ProcessCpuUsage after = Environment.CpuUsage;
            best = i == 0 ? best : Math.Min(best, total);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  forward {forward,7:F1} ms   backward {backward - forward,7:F1} ms   optimiser {total - backward,6:F1} ms   total {total,7:F1} ms   " +
                $"(processor {(after.UserTime - before.UserTime).TotalMilliseconds:F0} + kernel {(after.PrivilegedTime - before.PrivilegedTime).TotalMilliseconds:F0} ms)"));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: best {best:F1} ms, {batch.ResponseTokens / best * 1000:F0} response tokens/s, resident {Environment.WorkingSet >> 20} MB"));
    }
}
