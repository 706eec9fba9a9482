using Medix.Imaging;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Core.Tests.Text;

/// <summary>Model shapes and processors for prompts.</summary>
internal static class TestModels
{
    /// <summary>The configuration that belongs to the real vocabulary.</summary>
    public static Qwen3VLConfig RealConfig() => ModelConfigReader.Read(SharedFiles.Require("data", "tokenizer-qwen", "qwen3-vl", "config.json"));

    /// <summary>A model with patches of 16, merged two by two.</summary>
    public static Qwen3VLConfig Config(int vocabularySize, int imageToken) => new(
        "Qwen3VLForConditionalGeneration",
        new TextConfig(vocabularySize, 8, 1, 1, 1, 8, 8, 1e-6, 10000, [2, 1, 1], 100, true),
        new VisionConfig(1, 8, 1, 8, 8, 16, 2, 2, 3, 16, []),
        imageToken, -1, -1, -1, []);

    /// <summary>The published processor with other limits on the number of pixels.</summary>
    public static ImageProcessor Processor(long minPixels) => new(new ImageProcessorOptions(16, 2, 2, minPixels, 1 << 24, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]));
}
