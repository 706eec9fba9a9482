using CsCheck;
using Medix.Inference.Generation;
using Medix.Runs;

namespace Medix.Inference.Tests;

public class TokenSamplerTests
{
    [Fact]
    public void Tokens_come_as_often_as_their_probability_says()
    {
        const int vocabulary = 700, draws = 40_000;
        float[] logits = Logits(vocabulary, 1, 2);
        TokenSampler sampler = new(vocabulary, [3]);
        SamplingState state = new(new SamplingOptions(1, 1.3f), 9);
        int[] counts = new int[vocabulary];
        for (int i = 0; i < draws; i++)
        {
            counts[sampler.Sample(logits, state).Id]++;
        }

        double[] p = Probabilities(logits, 1.3, [3]);
        Assert.Equal(0, counts[3]);
        double chi = p.Select((q, id) => q == 0 ? 0 : (counts[id] - (draws * q)) * (counts[id] - (draws * q)) / (draws * q)).Sum();
        // A chi-square of 698 degrees of freedom is beyond 900 once in 10 million.
        Assert.InRange(chi, 450, 900);
    }

    [Fact]
    public void Filters_keep_exactly_the_top_k_and_the_nucleus_and_leave_the_log_probability_alone() =>
        Gen.Select(Gen.Int[1, 80], Gen.Int[0, 90], Gen.Float[0.05f, 1f], Gen.Float[0, 0.4f], Gen.Float[0.3f, 3f], Gen.ULong).Sample((vocabulary, k, topP, minP, heat, seed) =>
        {
            float[] logits = Logits(vocabulary, seed, 2);
            double[] p = Probabilities(logits, heat, []);
            HashSet<int> allowed = Allowed(p, k, topP, minP);
            TokenSampler sampler = new(vocabulary, []);
            SamplingState state = new(new SamplingOptions(1, heat, topP, k) { MinP = minP }, seed);
            HashSet<int> seen = [];
            for (int i = 0; i < 300; i++)
            {
                SampledToken token = sampler.Sample(logits, state);
                Assert.Contains(token.Id, allowed);
                Assert.InRange(token.LogProb - Math.Log(p[token.Id]), -1e-5, 1e-5);
                Assert.InRange(token.SampledLogProb - Math.Log(p[token.Id] / allowed.Sum(id => p[id])), -1e-4, 1e-4);
                seen.Add(token.Id);
            }

            double missing = allowed.Except(seen).Sum(id => p[id]) / allowed.Sum(id => p[id]);
            Assert.True(missing < 0.1, $"kept tokens with {missing} of the probability never came");
        });

    [Fact]
    public void Temperature_0_takes_the_best_and_gives_its_log_probability_at_1()
    {
        float[] logits = [1, 5, 2, 5, 4];
        SampledToken token = new TokenSampler(5, []).Sample(logits, new SamplingState(new SamplingOptions(1, 0), 1));
        Assert.Equal(1, token.Id);
        Assert.Equal(Math.Log(Probabilities(logits, 1, [])[1]), token.LogProb, 1e-6);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Damaged_logits_are_an_error(float value)
    {
        foreach (int place in (int[])[0, 20, 49])
        {
            float[] logits = Logits(50, 1, 1);
            logits[place] = value;
            Assert.Throws<MedixException>(() => new TokenSampler(50, []).Sample(logits, new SamplingState(new SamplingOptions(1), 1)));
        }
    }

    private static HashSet<int> Allowed(double[] p, int k, float topP, float minP)
    {
        int[] order = [.. Enumerable.Range(0, p.Length).OrderByDescending(id => p[id])];
        int[] top = k == 0 ? order : order[..Math.Min(k, order.Length)];
        double total = top.Sum(id => p[id]), sum = 0;
        return [.. top.TakeWhile(id => topP >= 1 || (sum += p[id]) - p[id] < (topP * total) + 1e-6).Where(id => p[id] >= (minP * p[order[0]]) - 1e-7)];
    }

    private static float[] Logits(int count, ulong seed, double scale)
    {
        SeededRandom random = Seed.Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(scale * random.NextNormal()))];
    }

    private static double[] Probabilities(float[] logits, double temperature, int[] banned)
    {
        double[] e = [.. logits.Select((logit, id) => banned.Contains(id) ? 0 : Math.Exp(logit / temperature))];
        double sum = e.Sum();
        return [.. e.Select(value => value / sum)];
    }
}
