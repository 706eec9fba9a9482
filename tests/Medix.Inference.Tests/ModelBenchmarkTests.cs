using Medix.Inference.Measuring;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Tests;

public class ModelBenchmarkTests
{
    [Fact]
    public void A_cancelled_benchmark_stops_after_a_token_and_not_after_a_figure()
    {
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { Vision = null });
        BenchmarkOptions options = new(Rounds: 1, PrefillTokens: 0, DecodeTokens: 400, ImageSide: 0);
        Assert.Throws<OperationCanceledException>(() => ModelBenchmark.Run(model, options, cancellationToken: new CancellationToken(canceled: true)));
        // The 416 positions of the whole figure take more pages of keys and values than the first token's.
        Assert.InRange(model.Decoder.Pages.Bytes, 1, 2 * model.Decoder.Pages.PageBytes);
    }
}
