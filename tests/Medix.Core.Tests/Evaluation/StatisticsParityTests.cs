using System.Text.Json;
using Medix.Evaluation;
using Medix.Testing;

namespace Medix.Core.Tests.Evaluation;

/// <summary>
/// Statistics against every golden row of a kind that exists here. Kinds are listed from the files: one that is neither computed nor named as a later
/// matter fails the test, and so does a computed one without rows.
/// </summary>
[Trait("Category", "Parity")]
public class StatisticsParityTests
{
    /// <summary>Kinds that no report needs yet.</summary>
    private static readonly HashSet<string> Later =
    [
        "wald", "wilson-cc", "clopper-pearson", "agresti-coull", "jeffreys", "binomial-test", "difference-of-proportions", "two-proportion-z", "fisher-exact",
        "paired-proportion-difference", "sign-test", "wilcoxon-exact", "wilcoxon-asymptotic", "effect-size", "permutation-independent", "cluster-mean-two-way",
        "pass-at-k", "effective-sample-size", "macro-micro", "special",
    ];

    /// <summary>Files that hold nothing but later kinds.</summary>
    private static readonly HashSet<string> LaterFiles =
        ["agreement.json", "calibration.json", "correction.json", "multiplicity.json", "power.json", "ranking.json", "text.json"];

    /// <summary>What each kind gives: values by the path of the expected number.</summary>
    private static readonly Dictionary<string, Func<JsonElement, Dictionary<string, double>>> Kinds = new()
    {
        ["wilson"] = Wilson,
        ["mcnemar"] = McNemar,
        ["paired-t"] = PairedT,
        ["permutation-sign-flip"] = SignFlip,
        ["bootstrap"] = Resampled,
        ["bootstrap-paired"] = ResampledPairs,
        ["bootstrap-cluster"] = ResampledClusters,
        ["cluster-mean"] = ClusterMean,
        ["mean-interval"] = MeanInterval,
        ["quantile"] = Quantile,
        ["distribution"] = Distribution,
        ["quantile-function"] = QuantileFunction,
    };

    [Fact]
    public void Every_row_of_a_computed_kind_agrees()
    {
        List<string> wrong = [];
        Dictionary<string, int> compared = Kinds.Keys.ToDictionary(kind => kind, _ => 0);
        foreach (string path in Directory.EnumerateFiles(SharedFiles.Require("goldens", "stats"), "*.json"))
        {
            if (LaterFiles.Contains(Path.GetFileName(path)))
            {
                continue;
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (JsonElement row in document.RootElement.GetProperty("cases").EnumerateArray())
            {
                string kind = row.GetProperty("group").GetString()!;
                if (Kinds.TryGetValue(kind, out Func<JsonElement, Dictionary<string, double>>? compute))
                {
                    wrong.AddRange(Compare(row, compute(row.GetProperty("inputs")), out int numbers));
                    compared[kind] += numbers;
                }
                else if (!Later.Contains(kind))
                {
                    wrong.Add($"{Path.GetFileName(path)}: nobody knows the kind '{kind}'");
                }
            }
        }

        Assert.Empty(wrong);
        Assert.DoesNotContain(compared, kind => kind.Value == 0);
    }

    private static List<string> Compare(JsonElement row, Dictionary<string, double> got, out int numbers)
    {
        JsonElement tolerance = row.GetProperty("tolerance");
        double relative = tolerance.GetProperty("rel").GetDouble();
        double absolute = tolerance.GetProperty("abs").GetDouble();
        List<string> wrong = [];
        numbers = 0;
        foreach ((string path, double value) in got)
        {
            JsonElement? at = row.GetProperty("expected");
            foreach (string part in path.Split('/'))
            {
                at = at is { ValueKind: JsonValueKind.Object } inner && inner.TryGetProperty(part, out JsonElement next) ? next : null;
            }

            if (at is null or { ValueKind: JsonValueKind.Null })
            {
                continue;
            }

            numbers++;
            double expected = at.Value.ValueKind == JsonValueKind.String ? double.Parse(at.Value.GetString()!) : at.Value.GetDouble();
            bool close = value.Equals(expected) || Math.Abs(value - expected) <= absolute + (relative * Math.Abs(expected));
            if (!close)
            {
                wrong.Add($"{row.GetProperty("name")} {path}: {value:R}, expected {expected:R}");
            }
        }

        return wrong;
    }

    private static double[] Numbers(JsonElement inputs, string name) => [.. inputs.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];

    private static double[] Differences(JsonElement inputs) => [.. Numbers(inputs, "x").Zip(Numbers(inputs, "y"), (x, y) => x - y)];

    private static int[][] Indices(JsonElement inputs, string name) =>
        [.. inputs.GetProperty(name).EnumerateArray().Select(row => row.EnumerateArray().Select(place => place.GetInt32()).ToArray())];

    private static string[] Keys(JsonElement inputs) => [.. inputs.GetProperty("cluster").EnumerateArray().Select(key => key.ToString())];

    private static double Level(JsonElement inputs) => inputs.TryGetProperty("level", out JsonElement level) ? level.GetDouble() : 0.95;

    private static Dictionary<string, double> Wilson(JsonElement inputs)
    {
        Estimate estimate = Intervals.Proportion(inputs.GetProperty("count").GetInt32(), inputs.GetProperty("n").GetInt32(), Level(inputs));
        return new() { ["low"] = estimate.Low, ["high"] = estimate.High };
    }

    private static Dictionary<string, double> McNemar(JsonElement inputs)
    {
        int first = inputs.GetProperty("only_first").GetInt32();
        int second = inputs.GetProperty("only_second").GetInt32();
        return new() { ["exact"] = PairedTests.McNemarExact(first, second), ["mid_p"] = PairedTests.McNemarMidP(first, second) };
    }

    private static Dictionary<string, double> PairedT(JsonElement inputs)
    {
        double[] differences = Differences(inputs);
        bool twoSided = inputs.GetProperty("alternative").GetString() == "two-sided";
        Estimate estimate = Intervals.Mean(differences, Level(inputs));
        return twoSided ? new() { ["p_value"] = PairedTests.StudentT(differences), ["low"] = estimate.Low, ["high"] = estimate.High } : [];
    }

    private static Dictionary<string, double> SignFlip(JsonElement inputs) => new() { ["two_sided_absolute"] = PairedTests.SignFlip(Differences(inputs)) };

    private static Dictionary<string, double> Resampled(JsonElement inputs)
    {
        Func<IReadOnlyList<double>, double> statistic = inputs.GetProperty("statistic").GetString() switch
        {
            "mean" => values => values.Average(),
            "median" => values => Intervals.Quantile(values, 0.5),
            "standard deviation (n-1)" => Intervals.StandardDeviation,
            var other => throw new NotSupportedException(other),
        };
        double[] values = Numbers(inputs, "x");
        double[] distribution = Bootstrap.Distribution(values, statistic, Indices(inputs, "indices"));
        Dictionary<string, double> got = new() { ["estimate"] = statistic(values), ["standard_error"] = Intervals.StandardDeviation(distribution) };
        foreach (string level in new[] { "0.8", "0.9", "0.95", "0.99" })
        {
            AddInterval(got, $"percentile-{level}", Bootstrap.Percentile(distribution, double.Parse(level)));
            AddInterval(got, $"basic-{level}", Bootstrap.Basic(statistic(values), distribution, double.Parse(level)));
            AddInterval(got, $"BCa-{level}", Bootstrap.BiasCorrected(values, statistic, distribution, double.Parse(level)));
        }

        return got;
    }

    private static Dictionary<string, double> ResampledPairs(JsonElement inputs)
    {
        double[] differences = Differences(inputs);
        Interval interval = Bootstrap.Percentile(Bootstrap.Distribution(differences, values => values.Average(), Indices(inputs, "indices")), Level(inputs));
        return new() { ["estimate"] = differences.Average(), ["low"] = interval.Low, ["high"] = interval.High };
    }

    private static Dictionary<string, double> ResampledClusters(JsonElement inputs)
    {
        double[] values = Numbers(inputs, "values");
        double[] means = Bootstrap.ClusterMeans(values, Keys(inputs), Indices(inputs, "cluster_indices"));
        Interval interval = Bootstrap.Percentile(means, Level(inputs));
        return new()
        {
            ["estimate"] = values.Average(), ["standard_error"] = Intervals.StandardDeviation(means), ["low"] = interval.Low, ["high"] = interval.High,
        };
    }

    private static Dictionary<string, double> ClusterMean(JsonElement inputs)
    {
        Estimate estimate = Intervals.ClusteredMean(Numbers(inputs, "values"), Keys(inputs), Level(inputs));
        return new() { ["mean"] = estimate.Mean, ["CR1/t_interval/low"] = estimate.Low, ["CR1/t_interval/high"] = estimate.High };
    }

    private static Dictionary<string, double> MeanInterval(JsonElement inputs)
    {
        double[] values = Numbers(inputs, "x");
        Estimate estimate = Intervals.Mean(values, Level(inputs));
        return new() { ["mean"] = estimate.Mean, ["sd"] = Intervals.StandardDeviation(values), ["low"] = estimate.Low, ["high"] = estimate.High };
    }

    private static Dictionary<string, double> Quantile(JsonElement inputs) =>
        new() { ["value"] = Intervals.Quantile(Numbers(inputs, "x"), inputs.GetProperty("q").GetDouble()) };

    private static Dictionary<string, double> Distribution(JsonElement inputs)
    {
        double x = inputs.GetProperty("x").GetDouble();
        double Input(string name) => inputs.GetProperty(name).GetDouble();
        return inputs.GetProperty("family").GetString() switch
        {
            "normal" => new() { ["cdf"] = Distributions.NormalCdf(x), ["sf"] = Distributions.NormalCdf(-x) },
            "t" => new() { ["cdf"] = Distributions.StudentCdf(x, Input("df")), ["sf"] = Distributions.StudentCdf(-x, Input("df")) },
            "beta" => new() { ["cdf"] = Distributions.BetaCdf(x, Input("a"), Input("b")) },
            "binomial" => new()
            {
                ["cdf"] = Distributions.BinomialCdf((int)x, (int)Input("n"), Input("p")),
                ["pmf"] = Distributions.BinomialPmf((int)x, (int)Input("n"), Input("p")),
            },
            "chi2" => new() { ["sf"] = Distributions.GammaQ(Input("df") / 2, x / 2) },
            _ => [],
        };
    }

    private static Dictionary<string, double> QuantileFunction(JsonElement inputs)
    {
        double q = inputs.GetProperty("q").GetDouble();
        return inputs.GetProperty("family").GetString() switch
        {
            "normal" => new() { ["value"] = Distributions.NormalQuantile(q) },
            "t" => new() { ["value"] = Distributions.StudentQuantile(q, inputs.GetProperty("df").GetDouble()) },
            _ => [],
        };
    }

    private static void AddInterval(Dictionary<string, double> got, string name, Interval interval)
    {
        got[name + "/low"] = interval.Low;
        got[name + "/high"] = interval.High;
    }
}
