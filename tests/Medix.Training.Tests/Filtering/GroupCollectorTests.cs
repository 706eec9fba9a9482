using Medix.Runs;
using Medix.Training.Filtering;

namespace Medix.Training.Tests.Filtering;

public class GroupCollectorTests
{
    private static readonly double[] Mixed = [1, 0, 1];

    [Theory]
    [InlineData(new[] { 1.0, 0, 1 }, GroupVerdict.Kept)]
    [InlineData(new[] { .955, .955, .955, .955, .955 }, GroupVerdict.NoSpread)]
    [InlineData(new[] { .1 + .2, .3 }, GroupVerdict.NoSpread)]
    [InlineData(new[] { .5 }, GroupVerdict.TooFewScored)]
    [InlineData(new double[0], GroupVerdict.TooFewScored)]
    public void The_spread_decides(double[] scores, GroupVerdict verdict) => Assert.Equal(verdict, GroupFilter.Judge(new GroupFilterOptions(), scores));

    [Fact]
    public void The_range_is_open_and_tested_on_accuracies_where_there_are_some()
    {
        GroupFilterOptions options = new(MeanRange: new ScoreRange(0, 1));
        Assert.Equal(GroupVerdict.Kept, GroupFilter.Judge(options, Mixed));
        Assert.Equal(GroupVerdict.AboveRange, GroupFilter.Judge(options, Mixed, [1, 1, 1]));
        Assert.Equal(GroupVerdict.BelowRange, GroupFilter.Judge(options, Mixed, [0, 0, 0]));
        Assert.Equal(GroupVerdict.NoSpread, GroupFilter.Judge(options, [.5, .5], [0, 1]));
    }

    [Fact]
    public void Surplus_is_left_over_and_comes_first_in_the_next_step()
    {
        GroupFilterOptions options = new(MaximumTries: 5);
        GroupCollector<string> first = new(options, target: 2);
        Assert.Equal(CollectorState.NeedsMore, first.State);
        Assert.Equal([GroupVerdict.NoSpread], first.Offer([new("flat", [1, 1])]));
        first.Offer([new("a", Mixed), new("b", Mixed), new("c", Mixed)]);
        Assert.Equal(CollectorState.Complete, first.State);
        Assert.Equal(["a", "b"], first.Require().Select(g => g.Item));
        Assert.Equal(["c"], first.Leftovers.Select(g => g.Item));
        Assert.Equal((1, 3), (first.Counts[GroupVerdict.NoSpread], first.Counts[GroupVerdict.Kept]));

        GroupCollector<string> second = new(options, target: 2, first.Leftovers);
        second.Offer([new("d", Mixed)]);
        Assert.Equal(["c", "d"], second.Batch.Select(g => g.Item));
        Assert.Empty(second.Leftovers);
    }

    [Fact]
    public void An_empty_round_is_only_a_round_and_used_up_tries_keep_what_there_is()
    {
        GroupCollector<string> collector = new(new GroupFilterOptions(MaximumTries: 3), target: 4);
        collector.Offer([new("a", Mixed)]);
        collector.Offer([new("flat", [0, 0])]);
        Assert.Equal(CollectorState.NeedsMore, collector.State);
        collector.Offer([]);
        Assert.Equal(CollectorState.Exhausted, collector.State);
        Assert.Equal(["a"], collector.Require().Select(g => g.Item));
    }

    [Fact]
    public void A_step_without_a_single_group_says_why()
    {
        GroupCollector<string> collector = new(new GroupFilterOptions(), target: 1);
        collector.Offer([new("flat", [0, 0]), new("lost", [1])]);
        string message = Assert.Throws<MedixException>(collector.Require).Message;
        Assert.Contains("NoSpread 1", message, StringComparison.Ordinal);
        Assert.Contains("TooFewScored 1", message, StringComparison.Ordinal);
    }
}
