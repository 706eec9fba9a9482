using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Imaging;
using static Medix.Core.Tests.Phantoms.PhantomPixels;

namespace Medix.Core.Tests.Phantoms;

/// <summary>What a phantom says about itself is what its pixels show.</summary>
public sealed class PhantomTruthTests
{
    private const int Examples = 32;

    public static TheoryData<string> Tags => [.. Modalities.All];

    [Theory]
    [MemberData(nameof(Tags))]
    public void A_finding_changes_the_picture_where_it_is_said_to_be_and_the_right_way(string tag)
    {
        foreach ((PhantomExample example, RgbImage without) in Pairs(tag, null))
        {
            foreach (PhantomFinding finding in example.Findings)
            {
                int sense = TypeOf(tag, finding.Name).Sense;
                double[] difference = Difference(example.Image, without, sense);
                double inside = Average(example, difference, (x, y) => Radius(finding, without, x, y) < 0.7);
                Assert.True(inside > 18, $"{tag} '{finding.Name}' in '{finding.Region}': changed by {inside:F1} levels");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void Far_from_the_findings_the_picture_is_the_normal_one(string tag)
    {
        // Shadows behind stones, lifted layers and a whole spine reach further than their ellipse.
        string[] farReaching = ["stone", "cyst", "drusen", "subretinal fluid", "marrow uptake"];
        foreach ((PhantomExample example, RgbImage without) in Pairs(tag, null))
        {
            if (example.Findings.Any(finding => farReaching.Contains(finding.Name) && tag is "ULTRASOUND" or "OCT_SCAN" or "PET_SCAN"))
            {
                continue;
            }

            double[] difference = Difference(example.Image, without, 0);
            double outside = Average(example, difference, (x, y) => example.Findings.All(finding => Radius(finding, without, x, y) > 2.6));
            Assert.True(outside < 0.5, $"{tag} '{example.Answer}': {outside:F2} levels elsewhere");
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void A_finding_with_a_size_stands_out_from_its_surroundings(string tag)
    {
        foreach ((PhantomExample example, _) in Pairs(tag, QuestionKind.Size))
        {
            PhantomFinding finding = Assert.Single(example.Findings);
            double[] inside = Mean(example.Image, (x, y) => Radius(finding, example.Image, x, y) < 0.7);
            double[] around = Mean(example.Image, (x, y) => Radius(finding, example.Image, x, y) is > 1.5 and < 2.2);
            Assert.True(Apart(inside, around) > 12, $"{tag} '{finding.Name}' in '{finding.Region}': {Apart(inside, around):F1} levels");
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void Counted_findings_are_seen_apart_from_each_other(string tag)
    {
        foreach ((PhantomExample example, RgbImage without) in Pairs(tag, QuestionKind.HowMany))
        {
            FindingType type = TypeOf(tag, example.Findings[0].Name);
            double[] difference = Difference(example.Image, without, type.Sense);
            HashSet<int> seen = [];
            foreach (List<int> region in Regions(difference, example.Image.Width, 22))
            {
                // A region of changed pixels belongs to one finding; a finding may have several (dots, a bulge on both sides of its vessel).
                int[] owners = [.. Enumerable.Range(0, example.Findings.Count).Where(i => region.Any(pixel => IsIn(example, i, pixel)))];
                Assert.True(owners.Length <= 1, $"{tag}: {owners.Length} of '{type.Name}' run into each other");
                seen.UnionWith(owners);
            }

            Assert.Equal(example.Findings.Count, seen.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void Sides_follow_the_documented_convention(string tag)
    {
        PhantomSpec spec = Spec(tag);
        foreach (PhantomExample example in Small(tag, QuestionKind.Side))
        {
            PhantomFinding finding = Assert.Single(example.Findings);
            if (spec.Sides is SideRule.Eye or SideRule.Breast)
            {
                Assert.Equal(example.Laterality, example.Answer);
                continue;
            }

            Assert.Null(example.Laterality);
            Assert.Equal(finding.Side, example.Answer);
            bool atLeft = finding.CenterX < 0.5;
            Assert.Equal(spec.Sides == SideRule.Patient ? !atLeft : atLeft, finding.Side == "left");
        }
    }

    [Fact]
    public void The_optic_disc_is_at_the_side_of_the_eye_and_the_breast_points_away_from_the_midline()
    {
        foreach ((PhantomExample example, RgbImage without) in Pairs("FUNDUS_PHOTOGRAPHY", QuestionKind.Side))
        {
            double left = Mean(without, (x, y) => x is > 20 and < 42 && y is > 54 and < 74)[1];
            double right = Mean(without, (x, y) => x is > 86 and < 108 && y is > 54 and < 74)[1];
            Assert.Equal(left > right ? "left eye" : "right eye", example.Answer);
        }

        foreach ((PhantomExample example, RgbImage without) in Pairs("MAMMOGRAPHY", QuestionKind.Side))
        {
            double left = Mean(without, (x, _) => x < 32)[0], right = Mean(without, (x, _) => x >= 96)[0];
            Assert.Equal(left > right ? "left breast" : "right breast", example.Answer);
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void Sizes_are_three_bands_that_do_not_touch(string tag)
    {
        IReadOnlyList<string> names = Spec(tag).Sizes;
        IEnumerable<PhantomFinding> findings = Small(tag, QuestionKind.Size).Select(example => Assert.Single(example.Findings));
        foreach (IGrouping<string, PhantomFinding> type in findings.GroupBy(finding => finding.Name))
        {
            double[][] radii = [.. names.Select(name => type.Where(f => f.Size == name).Select(f => Math.Sqrt(f.RadiusX * f.RadiusY)).ToArray())];
            Assert.All(radii, Assert.NotEmpty);
            Assert.True(radii[0].Max() * 1.1 < radii[1].Min() && radii[1].Max() * 1.1 < radii[2].Min(), $"{tag} '{type.Key}'");
            Assert.True(radii[0].Min() * 2 * 128 >= 8, $"{tag} '{type.Key}': smaller than 8 of 128 pixels");
        }
    }

    [Theory]
    [MemberData(nameof(Tags))]
    public void Millimetres_are_those_of_the_geometry(string tag)
    {
        double? height = tag switch { "CT_SCAN" => 400, "ULTRASOUND" => 180, "MAMMOGRAPHY" => 200, _ => null };
        foreach (PhantomExample example in Small(tag, QuestionKind.Size).Where(_ => height is not null))
        {
            PhantomFinding finding = example.Findings[0];
            double drawn = 2 * Math.Sqrt(finding.RadiusX * finding.RadiusY) * height!.Value;
            double said = double.Parse(example.Answer.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.InRange(drawn / said, 0.88, 1.12);
        }
    }

    private static PhantomSpec Spec(string tag) => PhantomGenerator.Specs.Single(spec => spec.Tag == tag);

    private static FindingType TypeOf(string tag, string name) => Spec(tag).Types.Single(type => type.Name == name);

    private static IEnumerable<(PhantomExample Example, RgbImage Without)> Pairs(string tag, QuestionKind? kind)
    {
        PhantomOptions options = new(Modalities: [tag], Kinds: kind is null ? null : [kind.Value]);
        return Enumerable.Range(0, Examples)
            .Select(index => (PhantomGenerator.Create(11, index, options), PhantomGenerator.CreateWithoutFindings(11, index, options)));
    }

    /// <summary>Many small pictures, for what is read off the findings alone.</summary>
    private static IEnumerable<PhantomExample> Small(string tag, QuestionKind kind)
    {
        PhantomOptions options = new(64, [tag], [kind]);
        return Enumerable.Range(0, 3 * Examples).Select(index => PhantomGenerator.Create(12, index, options));
    }

    private static bool IsIn(PhantomExample example, int finding, int pixel) =>
        Radius(example.Findings[finding], example.Image, pixel % example.Image.Width, pixel / example.Image.Width) < 0.9;

    private static double Average(PhantomExample example, double[] values, Func<int, int, bool> chosen)
    {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (chosen(i % example.Image.Width, i / example.Image.Width))
            {
                (sum, count) = (sum + values[i], count + 1);
            }
        }

        Assert.True(count > 0, "no pixel chosen");
        return sum / count;
    }
}
