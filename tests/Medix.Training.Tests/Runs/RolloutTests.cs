using CsCheck;
using Medix.Evaluation.Reports;
using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Rewards;
using Medix.Runs;
using Medix.Text;
using Medix.Training.HeldOut;
using Medix.Training.Rollouts;
using Sample = Medix.Data.Sample;

namespace Medix.Training.Tests.Runs;

public class RolloutTests
{
    [Fact]
    public void Every_pass_uses_each_sample_once_and_a_position_is_the_whole_state() =>
        Gen.Select(Gen.Int[1, 40], Gen.ULong, Gen.Int[0, 200]).Sample((count, seed, skip) =>
        {
            var order = new SampleOrder(count, seed);
            int[] drawn = [.. Enumerable.Range(0, count * 3).Select(_ => order.Next())];
            bool permutations = drawn.Chunk(count).All(pass => pass.Order().SequenceEqual(Enumerable.Range(0, count)));
            var resumed = new SampleOrder(count, seed) { Position = skip % drawn.Length };
            return permutations && resumed.Next() == drawn[skip % drawn.Length];
        });

    [Fact]
    public void Augmentation_keeps_size_and_sides()
    {
        byte[] pixels = new byte[64 * 48 * 3];
        for (int y = 0; y < 48; y++)
        {
            for (int x = 0; x < 20; x++)
            {
                pixels.AsSpan(((y * 64) + x) * 3, 3).Fill(200); // bright on the picture's left
            }
        }

        var image = new RgbImage(64, 48, pixels);
        Gen.ULong.Sample(seed =>
        {
            RgbImage changed = Augmentation.Apply(image, Seed.Random(seed));
            return (changed.Width, changed.Height) == (64, 48) && Mean(changed, 0, 12) > Mean(changed, 52, 64) + 50;
        });
    }

    [Fact]
    public void An_unscored_answer_leaves_its_sample_out_of_both_sides()
    {
        HeldOutAnswers Answers(string id, double? first, double? second) => new(SampleOf(id), [Scored(first), Scored(second)], Scored(first));
        HeldOutReport report = HeldOutComparison.Of(
            [Answers("a", 0, 0.5), Answers("b", null, null), Answers("c", 1, null)],
            [Answers("a", 1, 1), Answers("b", 1, 1), Answers("c", 1, 1)],
            2, 1, 1);
        Assert.Equal((2, 0.625, 1.0, 1), (report.Reward.Before.Count, report.Reward.Before.Mean, report.Reward.After.Mean, report.Reward.LeftOut));
        Assert.Equal(4, report.Unscored["judge: timeout"]); // b twice and greedy, c once
        Assert.Equal(0, report.ModalityRecognition.Before.Count);
    }

    private static double Mean(RgbImage image, int from, int to) => Enumerable.Range(0, image.Height)
        .SelectMany(y => Enumerable.Range(from, to - from).Select(x => (double)image.Pixels[((y * image.Width) + x) * 3])).Average();

    private static Sample SampleOf(string id) => new(id, [], [PromptMessage.FromText("user", "q")], "q", "r", null, "test", id);

    private static ScoredRollout Scored(double? total) => new(
        new Rollout("x", 0, [1], [0], "text", FinishReason.Stop, 0),
        new RewardReport(total, [total is null ? TermResult.Unscored("judge", "timeout") : TermResult.Scored("judge", total.Value)]));
}
