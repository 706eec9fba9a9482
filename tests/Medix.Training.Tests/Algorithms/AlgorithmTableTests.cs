using Medix.Runs;
using Medix.Training.Algorithms;
using Medix.Training.Losses;

namespace Medix.Training.Tests.Algorithms;

public class AlgorithmTableTests
{
    [Fact]
    public void Every_row_composes()
    {
        Assert.NotEmpty(AlgorithmTable.All);
        Assert.Equal(AlgorithmTable.All.Count, AlgorithmTable.All.Select(a => a.Name).Distinct().Count());
        Assert.All(AlgorithmTable.All, a =>
        {
            Assert.Equal(a.Advantage, a.CreateAdvantage().Name);
            Assert.Equal(a.Loss, a.CreateLoss().Name);
            Assert.Same(a, AlgorithmTable.Named(a.Name.ToUpperInvariant()));
            Assert.True(a.Filter.RequireSpread);
        });
    }

    [Fact]
    public void Presets_are_those_of_the_published_runs()
    {
        Algorithm grpo = AlgorithmTable.Named("grpo");
        Assert.Equal((.2, .3, 3.0), (grpo.Clip.Low, grpo.Clip.High, grpo.Clip.Dual));
        Assert.Equal(new KlPenalty(KlEstimator.K3, .01), grpo.Options.Kl);
        Assert.True(grpo.NeedsReference);

        Algorithm dapo = AlgorithmTable.Named("dapo");
        Assert.Equal((.2, .28), (dapo.Clip.Low, dapo.Clip.High));
        Assert.Equal(LossAggregation.Token, dapo.Options.Aggregation);
        Assert.False(dapo.NeedsReference);
        Assert.Equal(20, dapo.Filter.MaximumTries);

        Algorithm gspo = AlgorithmTable.Named("gspo");
        Assert.Equal((3e-4, 4e-4), (gspo.Clip.Low, gspo.Clip.High));
        Assert.Equal(LossAggregation.Sequence, gspo.Options.Aggregation);
        Assert.Null(gspo.Options.Kl);
    }

    [Fact]
    public void The_unknown_is_answered_with_the_known() =>
        Assert.Contains("grpo, dapo, gspo", Assert.Throws<MedixException>(() => AlgorithmTable.Named("ppo")).Message, StringComparison.Ordinal);
}
