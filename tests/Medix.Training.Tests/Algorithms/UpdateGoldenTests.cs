using System.Text.Json;
using Medix.Training.Losses;
using Medix.Training.Tests.Losses;

namespace Medix.Training.Tests.Algorithms;

/// <summary>
/// The original's whole update on a model that is one table: the logits after token i are row i of the table over the temperature. Micro-batches, norm
/// clipping and AdamW stand here in test code; losses, gradients and metrics are the library's.
/// </summary>
[Trait("Category", "Parity")]
public class UpdateGoldenTests
{
    [Fact]
    public void Every_row_agrees() => RlGolden.Run("update", (golden, c) =>
    {
        Assert.Equal("update", RlGolden.Text(c, "kind"));
        TableTraining training = new(golden, c.GetProperty("options"));
        training.Run();
        Expectation expected = golden.Expected(c)!;
        RlGolden.Close(expected.Tensor("clipped_gradients"), [.. training.ClippedGradients], "clipped gradients", absolute: 1e-11);
        // Adam's first step divides the gradient by its own size plus 1e-8, which magnifies the rounding of small gradients.
        RlGolden.Close(expected.Tensor("table"), training.Table, "table", relative: 1e-8, absolute: 1e-9);
        foreach (JsonProperty metric in expected.Numbers.GetProperty("metrics").EnumerateObject())
        {
            double[] values = metric.Value.ValueKind == JsonValueKind.Array
                ? [.. metric.Value.EnumerateArray().Select(RlGolden.Number)] : [RlGolden.Number(metric.Value)];
            // The original averages the likelihood twice, each time with 1e-8 in the count.
            RlGolden.Close(values, training.Metric(metric.Name), metric.Name, relative: metric.Name == "actor/entropy_loss" ? 2e-8 : 1e-9);
        }
    });

    private sealed class TableTraining
    {
        private readonly JsonElement options;
        private readonly double[] ids;
        private readonly double[] advantages;
        private readonly double[] old;
        private readonly double[] reference;
        private readonly bool[] mask;
        private readonly int vocabulary;
        private readonly int prompt;
        private readonly int response;
        private readonly double temperature;
        private readonly List<LossMetrics> micro = [];
        private readonly List<double> norms = [];
        private readonly double[] first;
        private readonly double[] second;
        private int steps;

        public TableTraining(RlGolden golden, JsonElement options)
        {
            JsonElement inputs = golden.Case("inputs");
            this.options = options;
            Table = golden.Input(inputs, "table");
            ids = golden.Input(inputs, "ids");
            advantages = golden.Input(inputs, "advantages");
            old = golden.Input(inputs, "old_log_probs");
            reference = golden.Input(inputs, "ref_log_probs");
            mask = golden.Mask(inputs);
            vocabulary = golden.Meta.GetProperty("vocabulary").GetInt32();
            prompt = golden.Meta.GetProperty("prompt").GetInt32();
            response = golden.Meta.GetProperty("response").GetInt32();
            temperature = Option("temperature");
            first = new double[Table.Length];
            second = new double[Table.Length];
        }

        public double[] Table { get; }

        public List<double> ClippedGradients { get; } = [];

        public double[] Metric(string name) => name switch
        {
            "actor/ppo_kl" => [.. micro.Select(m => m.ApproximateKl)],
            "actor/entropy_loss" => [.. micro.Select(m => m.NegativeLogLikelihood)],
            "actor/pg_clipfrac_higher" => [.. micro.Select(m => m.ClipLow + m.ClipHigh)],
            "actor/pg_clipfrac_lower" => [.. micro.Select(m => m.ClipDual)],
            "actor/pg_loss" => [.. micro.Select(m => m.PolicyLoss)],
            "actor/kl_loss" => [micro[^1].KlLoss],
            "actor/kl_coef" => [Option("kl_coef")],
            "actor/grad_norm" => [.. norms],
            _ => throw new InvalidDataException($"unknown metric {name}"),
        };

        public void Run()
        {
            int rows = mask.Length / response;
            int miniBatch = (int)Option("mini_batch");
            for (int epoch = 0; epoch < (RlGolden.OptionalNumber(options, "ppo_epochs") ?? 1); epoch++)
            {
                for (int start = 0; start < rows; start += miniBatch)
                {
                    Step([.. Enumerable.Range(start, miniBatch)]);
                }
            }
        }

        private double Option(string name) => RlGolden.Number(options.GetProperty(name));

        private void Step(int[] rows)
        {
            PolicyBatch[] batches = [.. rows.Chunk((int)Option("micro_batch")).Select(Batch)];
            LossScale step = LossScale.Of(batches);
            double[] gradient = new double[Table.Length];
            double[] shares = new double[Table.Length];
            foreach (PolicyBatch batch in batches)
            {
                // The original averages each micro-batch by itself and weights it by its tokens, in either mode.
                LossScale own = LossScale.Of(batch);
                PolicyLossResult result = PolicyObjective.Compute(Loss(), batch, Options(1e-8), own with { Sequences = batch.Rows });
                micro.Add(result.Metrics);
                Backward(batch, result.Gradient, (double)own.Tokens / step.Tokens, gradient);
                Backward(batch, PolicyObjective.Compute(Loss(), batch, Options(0), step).Gradient, 1, shares);
            }

            if (Options(0).Aggregation == LossAggregation.Token)
            {
                RlGolden.Close(gradient, shares, "shares of the step", relative: 1e-6, absolute: 1e-8);
            }

            Clip(gradient);
            Adam(gradient);
        }

        private PolicyBatch Batch(int[] rows)
        {
            double[] logProbs = [.. rows.SelectMany(r => Enumerable.Range(0, response).Select(j => Distribution(r, j).LogProbability(Id(r, prompt + j))))];
            T[] Slice<T>(T[] values) => [.. rows.SelectMany(r => values[(r * response)..((r + 1) * response)])];
            return new PolicyBatch([.. rows.Select(r => $"{r}")], response, logProbs, Slice(old), Slice(advantages), Slice(mask))
            {
                ReferenceLogProbs = Slice(reference),
            };
        }

        private int Id(int row, int position) => (int)ids[(row * (prompt + response)) + position];

        private TokenDistribution Distribution(int row, int token) =>
            new(Table.AsSpan(Id(row, prompt + token - 1) * vocabulary, vocabulary), temperature);

        private void Backward(PolicyBatch batch, double[] byLogProb, double weight, double[] gradient)
        {
            for (int i = 0; i < byLogProb.Length; i++)
            {
                int row = int.Parse(batch.Ids[i / response], System.Globalization.CultureInfo.InvariantCulture);
                int token = i % response;
                Span<double> target = gradient.AsSpan(Id(row, prompt + token - 1) * vocabulary, vocabulary);
                Distribution(row, token).AddLogProbabilityGradient(Id(row, prompt + token), weight * byLogProb[i], target);
            }
        }

        private void Clip(double[] gradient)
        {
            double norm = Math.Sqrt(gradient.Sum(g => g * g));
            norms.Add(norm);
            double scale = Math.Min(1, Option("max_grad_norm") / (norm + 1e-6));
            for (int i = 0; i < gradient.Length; i++)
            {
                gradient[i] *= scale;
            }

            ClippedGradients.AddRange(gradient);
        }

        private void Adam(double[] gradient)
        {
            steps++;
            double rate = Option("lr");
            for (int i = 0; i < gradient.Length; i++)
            {
                Table[i] *= 1 - (rate * Option("weight_decay"));
                first[i] += 0.1 * (gradient[i] - first[i]);
                second[i] = (0.999 * second[i]) + (0.001 * gradient[i] * gradient[i]);
                double divisor = (Math.Sqrt(second[i]) / Math.Sqrt(1 - Math.Pow(0.999, steps))) + 1e-8;
                Table[i] -= rate / (1 - Math.Pow(0.9, steps)) * first[i] / divisor;
            }
        }

        private IPolicyLoss Loss()
        {
            ClipRange clip = new(Option("clip_low"), Option("clip_high"), Option("clip_dual"));
            return (RlGolden.Text(options, "loss_type") ?? "default") switch
            {
                "default" => new ClippedLoss(clip),
                "gspo" => new GspoLoss(clip, 1e-8),
                "gspo_token" => new GspoTokenLoss(clip, 1e-8),
                "cispo" => new CispoLoss(clip),
                string other => throw new InvalidDataException($"unknown loss {other}"),
            };
        }

        private PolicyLossOptions Options(double epsilon)
        {
            bool penalised = options.TryGetProperty("use_kl_loss", out JsonElement use) && use.GetBoolean();
            if (penalised)
            {
                Assert.Equal("low_var_kl", RlGolden.Text(options, "kl_penalty"));
            }

            LossAggregation mode = (RlGolden.Text(options, "loss_avg_mode") ?? "token") switch
            {
                "token" => LossAggregation.Token,
                "seq" => LossAggregation.Sequence,
                string other => throw new InvalidDataException($"unknown mode {other}"),
            };
            return new PolicyLossOptions(mode, Kl: penalised ? new KlPenalty(KlEstimator.K3, Option("kl_coef")) : null) { CountEpsilon = epsilon };
        }
    }
}
