using System.Diagnostics;
using System.Globalization;
using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Text;
using Medix.Weights;

namespace Medix.Benchmarks.Inference;

/// <summary>A model of true size loads and answers on a picture: time and memory to load, time to the first token, tokens per second after it.</summary>
internal static class AnswerBenchmark
{
    private const int NewTokens = 32;

    /// <summary>Arguments: model folder, picture, [fp32|bf16], [question].</summary>
    public static int Run(string[] args)
    {
        if (args.Length < 2)
        {
            Console.Error.WriteLine("Usage: Medix.Benchmarks answer MODEL PICTURE [fp32|bf16] [QUESTION]");
            return 2;
        }

        WeightStorage storage = args.Length > 2 && args[2] == "fp32" ? WeightStorage.Fp32 : WeightStorage.Bf16;
        long start = Stopwatch.GetTimestamp();
        using Checkpoint checkpoint = Checkpoint.Open(args[0]);
        using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint, storage);
        long parameters = ModelTensors.Of(checkpoint.Config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        double bytes = parameters * (storage == WeightStorage.Bf16 ? 2.0 : 4.0);
        using Process process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"loaded {parameters:N0} parameters in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s; peak {process.PeakWorkingSet64 / 1e9:0.00} GB, "
                + $"{process.PeakWorkingSet64 / bytes:0.00} x the weights in {storage}"));
        Tokenizer tokenizer = Tokenizer.Load(args[0]);
        ImageProcessor images = new(ImageProcessorOptions.Load(Path.Combine(args[0], "preprocessor_config.json")));
        RgbImage image = ImageDecoding.Decode(File.ReadAllBytes(args[1]), args[1], new ImageLimits());
        PromptMessage message = new("user", [new ImagePart(), new TextPart(args.Length > 3 ? args[3] : "What does this picture show?")]);
        ModelInput input = new PromptBuilder(tokenizer, images, checkpoint.Config).Build([message], [image]);
        BatchedGenerator generator = new(model);
        double first = Time(generator, input, 1), all = Time(generator, input, NewTokens);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{image.Width}x{image.Height} picture, {input.Tokens.Length} tokens: first token {first:0.0} s, then {(NewTokens - 1) / (all - first):0.0} tokens/s; "
                + $"peak {Peak() / 1e9:0.00} GB"));
        return 0;
    }

    private static double Time(BatchedGenerator generator, ModelInput input, int tokens)
    {
        long start = Stopwatch.GetTimestamp();
        Completion completion = generator.Generate([new GenerationRequest(input, [1])], new SamplingOptions(tokens, 0))[0][0];
        Console.WriteLine($"  {completion.Tokens.Length} tokens: {string.Join(' ', completion.Tokens.Take(12))}");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static long Peak()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
