using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Text;
using Medix.Weights;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>Long runs without new memory.</summary>
public class ServingMemoryTests
{
    [Theory]
    [InlineData(1, false, 4)]
    [InlineData(2, true, 4)]
    [InlineData(1, true, 1)]
    [InlineData(2, false, 1)]
    public async Task Ten_thousand_tokens_take_no_new_memory(int threads, bool streaming, int draws)
    {
        Qwen3VLConfig small = RandomModels.Seeing with { Text = new TextConfig(90, 32, 1, 2, 1, 16, 48, 1e-6, 10_000, [4, 2, 2], 4096, true) };
        using Qwen3VLModel model = RandomModels.Create(threads, small with { Vision = small.Vision! with { OutHidden = 32 } });
        using GenerationServer server = new(model, NoCaches with { Speculation = ServingPlays.Eager });
        SamplingOptions options = Sampling with { MaxNewTokens = draws == 1 ? 4000 : 2550, Temperature = draws == 1 ? 0.4f : 0.8f };
        await RunAsync();
        long pages = model.Decoder.Pages.Bytes, before = 0, steps = 0, allocating = 0, live = 0;
        int collections = 0;
        server.AfterStep = () =>
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            ServerStatistics statistics = server.Statistics;
            // A collection writes off what is left of the thread's current piece of memory, as if it had been allocated; one in the background does so again, uncounted.
            bool undisturbed = collections == GC.CollectionCount(0);
            collections = GC.CollectionCount(0);
            if (live == draws && statistics.Live == draws && undisturbed)
            {
                steps++;
                allocating += now > before ? 1 : 0;
            }

            live = statistics.Live;
            before = GC.GetAllocatedBytesForCurrentThread();
        };
        await RunAsync();
        Assert.Equal(pages, model.Decoder.Pages.Bytes);
        Assert.True(steps > (draws == 1 ? 500 : 2000), $"{steps} steps");
        // A few steps seem to allocate when collections come in the background, as in a loaded process; one that allocates by itself does so every time.
        Assert.InRange(allocating, 0, steps / 100);
        Assert.True(draws > 1 || server.Statistics is { TokensAccepted: > 1000 } both && both.TokensGuessed > both.TokensAccepted + 1000, server.Statistics.ToString());

        Task RunAsync() => TogetherAsync(server, () => [.. Enumerable.Range(0, draws).Select(i => streaming
            ? ReadAsync(server.StreamAsync(RandomModels.Text(5, 1), options, (ulong)i, Token))
            : (Task)server.GenerateAsync(RandomModels.Text(5, 1), options, (ulong)i, Token))]);
    }
}
