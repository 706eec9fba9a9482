using Medix.Benchmarks.Inference;
using Medix.Benchmarks.Training;

// Benchmarks by hand-written loops: whole steps of a fraction of a second to seconds, medians of interleaved runs. Figures: docs/benchmarks.md.
switch (args)
{
    case ["rollout", .. string[] rest]:
        RolloutBenchmark.Run(rest);
        return 0;
    case ["update", .. string[] rest]:
        return UpdateBenchmark.Run(rest);
    case ["step", .. string[] rest]:
        return StepBenchmark.Run(rest);
    case ["lora-step", .. string[] rest]:
        return LoraStepBenchmark.Run(rest);
    case ["answer", .. string[] rest]:
        return AnswerBenchmark.Run(rest);
    case ["speculation", .. string[] rest]:
        return SpeculationBenchmark.Run(rest);
    case ["server-speculation", .. string[] rest]:
        return await ServerSpeculationBenchmark.RunAsync(rest);
    case ["torch-decode", .. string[] rest]:
        return TorchDecodeBenchmark.Run(rest);
    default:
        Console.Error.WriteLine("Usage: Medix.Benchmarks rollout|update|step|lora-step|answer|speculation|server-speculation|torch-decode [arguments]");
        return 2;
}
