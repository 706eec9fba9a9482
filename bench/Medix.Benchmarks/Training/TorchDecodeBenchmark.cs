using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Medix.Benchmarks.Inference;
using Medix.Inference.Generation;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Benchmarks.Training;

/// <summary>
/// <c>torch-decode [rounds]</c>: tokens per second of sampling with TorchSharp alone, batch 32, at the shapes of the rollout benchmark: the engine's peer
/// within .NET. OpenMP's threads spin between operations, as they do by default, which more than doubles its speed; our own process lets them sleep.
/// </summary>
public static partial class TorchDecodeBenchmark
{
    /// <summary>Runs the benchmark and prints its table.</summary>
    public static int Run(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        if (OperatingSystem.IsLinux())
        {
            // Before anything of the training library runs, which would ask for sleep where nothing has been said.
            _ = SetNativeVariable("OMP_WAIT_POLICY", "active", 0);
            _ = SetNativeVariable("GOMP_SPINCOUNT", "300000", 0);
        }

        Measure("5 M decoder, batch 32, TorchSharp", BenchmarkModels.Decoder, rounds, promptTokens: 64, newTokens: 128);
        Measure("nano Qwen3-VL, batch 32, TorchSharp", BenchmarkModels.Nano, rounds, promptTokens: 40, newTokens: 96);
        return 0;
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Measure(string name, Qwen3VLConfig config, int rounds, int promptTokens, int newTokens)
    {
        using Qwen3VLForTraining model = Qwen3VLForTraining.Create(config, 1, new() { OwnKernels = false });
        IReadOnlyList<GenerationRequest> requests = BenchmarkModels.Prompts(config, 32, 1, promptTokens);
        List<double> figures = [];
        for (int round = 0; round <= rounds; round++)
        {
            using IDisposable noGradient = no_grad();
            using DisposeScope scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            TorchDecoder decoder = new(model, requests, newTokens);
            long tokens = decoder.Generate();
            double figure = tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (round > 0)
            {
                figures.Add(figure);
            }
        }

        figures.Sort();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name,-40} median {figures[figures.Count / 2],9:N1}   range {figures[0],9:N1} … {figures[^1],9:N1} tok/s"));
    }
}
