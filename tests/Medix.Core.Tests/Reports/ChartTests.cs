using CsCheck;
using Medix.Evaluation;
using Medix.Evaluation.Reports;
using Medix.Evaluation.Reports.Charts;

namespace Medix.Core.Tests.Reports;

public class ChartTests
{
    [Fact]
    public void An_axis_covers_its_values_with_few_round_ticks() =>
        Gen.Select(Gen.Double[-1e6, 1e6], Gen.Double[1e-5, 1e6], Gen.Int[3, 10]).Sample((low, length, most) =>
        {
            Axis axis = Axis.Over([low, double.NaN, low + length], most);
            double slack = (axis.High - axis.Low) * 1e-6;
            Assert.True(axis.Low <= low + slack && axis.High >= low + length - slack);
            Assert.InRange(axis.Ticks.Count, 2, most + 2);
            Assert.Equal(axis.Ticks.Order(), axis.Ticks);
        });

    [Theory]
    [InlineData()]
    [InlineData(double.NaN)]
    [InlineData(0.0)]
    [InlineData(3e-4, 3e-4)]
    [InlineData(-7.0)]
    public void An_axis_has_a_length_whatever_it_is_given(params double[] values)
    {
        Axis axis = Axis.Over(values, 4);
        Assert.True(axis.High > axis.Low && double.IsFinite(axis.High - axis.Low));
    }

    [Theory]
    [InlineData(0, 1, "0.0|0.5|1.0")]
    [InlineData(-2, 2, "−2|0|2")]
    [InlineData(0, 3e-5, "0|2e−5|4e−5")]
    [InlineData(0, 40_000, "0|20k|40k")]
    public void Ticks_are_labelled_shortly_at_any_magnitude(double low, double high, string expected)
    {
        Axis axis = Axis.Over([low, high], 2);
        Assert.Equal(expected, string.Join('|', axis.Ticks.Select(axis.Label)));
    }

    [Fact]
    public void Smoothing_keeps_what_is_constant_skips_gaps_and_stays_within_the_values() =>
        Gen.Double[-5, 5].Array[1, 80].Sample(values =>
        {
            double[] gaps = [.. values.Select((v, i) => i % 5 == 4 ? double.NaN : v)];
            IReadOnlyList<double> smooth = Line(gaps).Smoothed().Y;
            Assert.Equal(gaps.Length, smooth.Count);
            Assert.All(smooth.Where(double.IsFinite), s => Assert.InRange(s, values.Min() - 1e-9, values.Max() + 1e-9));
            Assert.True(values.Length < 8 || smooth.All(double.IsFinite));
            Assert.All(Line([.. values.Select(_ => 2.5)]).Smoothed().Y, s => Assert.Equal(2.5, s, 9));
        });

    [Fact]
    public void Long_lines_are_thinned_without_moving_their_mean()
    {
        Series thin = Line([.. Enumerable.Range(0, 12_000).Select(i => (double)i)]).Thinned();
        Assert.InRange(thin.Y.Count, 300, 600);
        Assert.Equal(5999.5, thin.Y.Average(), 6);
        Assert.Equal(thin.X.Count, thin.Y.Count);
    }

    [Theory]
    [InlineData(0.27512, "+0.275")]
    [InlineData(-0.0312, "−0.031")]
    [InlineData(-0.0001, "0.000")]
    [InlineData(double.NaN, "–")]
    public void Differences_carry_their_sign(double value, string expected) => Assert.Equal(expected, Numbers.Signed(value));

    [Theory]
    [InlineData(2.34, "2.3 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(125, "2 min 05 s")]
    [InlineData(7384, "2 h 03 min")]
    [InlineData(double.NaN, "–")]
    public void Times_are_read_at_a_glance(double seconds, string expected) => Assert.Equal(expected, Numbers.Duration(seconds));

    [Theory]
    [InlineData(3e-4, "3e-4")]
    [InlineData(0.0125, "0.0125")]
    [InlineData(12.34, "12.3")]
    [InlineData(4200, "4,200")]
    [InlineData(0, "0")]
    public void Magnitudes_keep_three_digits(double value, string expected) => Assert.Equal(expected, Numbers.Short(value).Replace('−', '-'));

    [Fact]
    public void Intervals_and_p_values_are_spelled_alike_everywhere()
    {
        Assert.Equal("−0.010 to +0.200", Numbers.SignedRange(new Estimate(0.1, -0.01, 0.2, 9)));
        Assert.Equal("< 0.001", Numbers.PValue(0));
        Assert.Equal("0.043", Numbers.PValue(0.0434));
        Assert.Equal("–", Numbers.PValue(double.NaN));
    }

    private static Series Line(double[] values) => new("line", [.. values.Select((_, i) => (double)i)], values);
}
