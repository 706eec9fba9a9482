using Medix.Text.Encoders;
using Medix.Weights.Encoders;

namespace Medix.Inference.Tests.Embedder;

/// <summary>The encoder written as its formulas stand, in double precision, one text at a time.</summary>
internal sealed class PlainBert(BertConfig config, Dictionary<string, float[]> parameters)
{
    public double[][] Encode(EncodedText text)
    {
        int h = config.Hidden;
        double[][] x =
        [
            .. text.Ids.Select((id, place) => Norm(
                "embeddings.LayerNorm",
                [.. Enumerable.Range(0, h).Select(i => (double)At("embeddings.word_embeddings", id, i) + At("embeddings.position_embeddings", place, i)
                    + At("embeddings.token_type_embeddings", text.TypeIds[place], i))])),
        ];
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string p = BertTensors.Layer(layer);
            double[][] attended = Attend(p + "attention.self.", x);
            double[][] a = [.. x.Zip(attended, (row, other) => Norm(p + "attention.output.LayerNorm", Sum(row, Linear(p + "attention.output.dense", other))))];
            x = [.. a.Select(row => Norm(p + "output.LayerNorm", Sum(row, Linear(p + "output.dense", [.. Linear(p + "intermediate.dense", row).Select(Activate)]))))];
        }

        return x;
    }

    private double[][] Attend(string prefix, double[][] x)
    {
        int d = config.HeadDim;
        double[][] q = [.. x.Select(row => Linear(prefix + "query", row))], k = [.. x.Select(row => Linear(prefix + "key", row))];
        double[][] v = [.. x.Select(row => Linear(prefix + "value", row))];
        return [.. q.Select(query => Enumerable.Range(0, config.Hidden).Select(i =>
        {
            int from = i / d * d;
            double[] scores = [.. k.Select(key => Math.Exp(Enumerable.Range(from, d).Sum(j => query[j] * key[j]) / Math.Sqrt(d)))];
            return scores.Zip(v, (score, value) => score * value[i]).Sum() / scores.Sum();
        }).ToArray())];
    }

    private double Activate(double x) => config.Activation switch
    {
        BertActivation.Relu => Math.Max(x, 0),
        BertActivation.GeluTanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        _ => x / 2 * (1 + Erf(x / Math.Sqrt(2))),
    };

    /// <summary>By its power series: enough for the arguments here.</summary>
    private static double Erf(double x)
    {
        double sum = 0, term = x;
        for (int n = 0; n < 200; n++)
        {
            sum += term / ((2 * n) + 1);
            term *= -x * x / (n + 1);
        }

        return Math.Abs(x) > 5 ? Math.Sign(x) : sum * 2 / Math.Sqrt(Math.PI);
    }

    private double[] Linear(string name, double[] x) =>
        [.. parameters[name + ".bias"].Select((bias, row) => bias + x.Select((value, i) => value * parameters[name + ".weight"][(row * x.Length) + i]).Sum())];

    private double[] Norm(string name, double[] x)
    {
        double mean = x.Average(), scale = 1 / Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + config.Epsilon);
        return [.. x.Select((value, i) => ((value - mean) * scale * parameters[name + ".weight"][i]) + parameters[name + ".bias"][i])];
    }

    private float At(string table, int row, int column) => parameters[table + ".weight"][(row * config.Hidden) + column];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
