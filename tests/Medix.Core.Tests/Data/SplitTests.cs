using CsCheck;
using Medix.Data;
using Medix.Runs;

namespace Medix.Core.Tests.Data;

public sealed class SplitTests : DataTest
{
    // Up to 40 samples over a few patients and pictures, so that they are tangled in all ways.
    private static readonly Gen<Sample[]> Sets = Gen.Select(Gen.Int[0, 8], Gen.Byte[0, 12].Array[0, 3])
        .Array[2, 40]
        .Select(rows => rows.Select((row, i) => MakeSample($"s{i}", $"group:{row.Item1}", [.. row.Item2.Select(value => new[] { value })])).ToArray());

    [Fact]
    public void No_picture_patient_or_sample_is_on_both_sides_and_none_is_lost()
    {
        Gen.Select(Sets, Gen.Double[0.01, 0.99], Gen.ULong).Sample((samples, fraction, seed) =>
        {
            SampleSet set = SampleSet.Create(samples, SkippedRows.None);
            if (set.Samples.Select(sample => sample.SplitKey).Distinct().Count() < 2)
            {
                return;
            }

            SampleSplit split = SplitBy.Key(set.Samples, fraction, seed);
            Assert.NotEmpty(split.Train);
            Assert.NotEmpty(split.HeldOut);
            Assert.Equal(samples.Select(sample => sample.Id).Order(), split.Train.Concat(split.HeldOut).Select(sample => sample.Id).Order());
            Assert.Empty(Pictures(split.Train).Intersect(Pictures(split.HeldOut)));
            Assert.Empty(Groups(samples, split.Train).Intersect(Groups(samples, split.HeldOut)));
            Assert.True(LeakReport.Between(split.Train, split.HeldOut).IsClean);
        });
    }

    [Fact]
    public void The_split_does_not_depend_on_the_order_of_samples()
    {
        Gen.Select(Sets, Gen.ULong).Sample((samples, seed) =>
        {
            SampleSet set = SampleSet.Create(samples, SkippedRows.None), reversed = SampleSet.Create([.. samples.Reverse()], SkippedRows.None);
            if (set.Samples.Select(sample => sample.SplitKey).Distinct().Count() < 2)
            {
                return;
            }

            Assert.Equal(
                SplitBy.Key(set.Samples, 0.3, seed).HeldOut.Select(sample => sample.Id),
                SplitBy.Key(reversed.Samples, 0.3, seed).HeldOut.Select(sample => sample.Id).Reverse());
        });
    }

    [Fact]
    public void The_share_is_of_keys_and_another_seed_holds_out_others()
    {
        Sample[] samples = [.. Enumerable.Range(0, 400).Select(i => MakeSample($"{i}", $"k{i % 200}"))];
        SampleSplit a = SplitBy.Key(samples, 0.25, 1), b = SplitBy.Key(samples, 0.25, 2);
        Assert.Equal(50, a.HeldOut.Select(sample => sample.SplitKey).Distinct().Count());
        Assert.NotEqual(a.HeldOut.Select(sample => sample.Id), b.HeldOut.Select(sample => sample.Id));
        Assert.Equal(a.HeldOut.Select(sample => sample.Id), SplitBy.Key(samples, 0.25, 1).HeldOut.Select(sample => sample.Id));
    }

    [Fact]
    public void A_picture_under_two_keys_is_found_and_refused()
    {
        Sample[] samples = [.. Enumerable.Range(0, 8).Select(i => MakeSample($"{i}", $"k{i}", [9]))];
        MedixException error = Assert.Throws<MedixException>(() => SplitBy.Key(samples, 0.5, 0));
        Assert.Contains("1 pictures", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_picture_cannot_be_split()
    {
        Assert.Throws<MedixException>(() => SplitBy.Key([MakeSample("a", "k"), MakeSample("b", "k")], 0.5, 0));
        Assert.Throws<MedixException>(() => SplitBy.Key([MakeSample("a", "k"), MakeSample("b", "l")], double.NaN, 0));
        Assert.Throws<MedixException>(() => SplitBy.Key([MakeSample("a", "k"), MakeSample("b", "l")], 1, 0));
    }

    private static IEnumerable<byte> Pictures(IEnumerable<Sample> samples) => samples.SelectMany(sample => sample.Images).Select(image => image.Bytes.Span[0]);

    private static IEnumerable<string> Groups(Sample[] original, IEnumerable<Sample> side) =>
        side.Select(sample => original.Single(candidate => candidate.Id == sample.Id).SplitKey);
}
