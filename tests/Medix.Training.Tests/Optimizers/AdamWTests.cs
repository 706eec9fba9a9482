using System.Text.Json;
using Medix.Testing;
using Medix.Training.Optimizers;
using Medix.Weights;

namespace Medix.Training.Tests.Optimizers;

public class AdamWTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Follows_torch_step_by_step()
    {
        string path = SharedFiles.Require("goldens", "rl", "optimizer.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.ChangeExtension(path, ".safetensors"));
        JsonElement[] cases = [.. document.RootElement.GetProperty("cases").EnumerateArray()];
        JsonElement inputs = cases.Single(row => row.GetProperty("kind").GetString() == "inputs");
        float[] gradients = tensors.ReadFloat32(inputs.GetProperty("tensors").GetProperty("gradients").GetString()!);
        int followed = 0;
        foreach (JsonElement row in cases.Where(row => row.GetProperty("name").GetString()!.StartsWith("adamw-", StringComparison.Ordinal)))
        {
            string name = row.GetProperty("name").GetString()!;
            if (!name.Contains("bf16", StringComparison.Ordinal))
            {
                Follow(name, row, tensors, gradients);
                followed++;
            }
        }

        Assert.True(followed > 0);
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Clips_as_torch_does()
    {
        string path = SharedFiles.Require("goldens", "rl", "optimizer.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.ChangeExtension(path, ".safetensors"));
        JsonElement[] cases = [.. document.RootElement.GetProperty("cases").EnumerateArray().Where(row => row.GetProperty("kind").GetString() == "clip")];
        Assert.NotEmpty(cases);
        foreach (JsonElement row in cases)
        {
            JsonElement names = row.GetProperty("tensors");
            float[] All(string prefix) => [.. names.EnumerateObject().Where(n => n.Name.StartsWith(prefix, StringComparison.Ordinal))
                .SelectMany(n => tensors.ReadFloat32(n.Value.GetString()!))];
            float[] before = All("in"), after = All("out");
            double norm = AdamWKernel.Norm(before), factor = AdamW.ClipFactor(norm, row.GetProperty("max_norm").GetDouble());
            Assert.Equal(row.GetProperty("norm").GetDouble(), norm, 1e-5);
            Assert.All(before.Zip(after), pair => Assert.Equal(pair.Second, pair.First * factor, 2e-6));
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_norm_that_is_no_number_changes_nothing(float bad)
    {
        AdamW optimizer = new(3);
        float[] parameters = [1, 2, 3];
        OptimizerReport report = optimizer.Update(parameters, [0.1f, bad, 0.2f], new());
        Assert.False(report.Applied);
        Assert.Equal([1, 2, 3], parameters);
        Assert.Equal(0, optimizer.Export().Step);
        Assert.All(optimizer.Export().SecondMoment, moment => Assert.Equal(0f, moment));
    }

    [Fact]
    public void Continues_exactly_from_an_exported_state()
    {
        AdamW whole = new(1000), first = new(1000), second = new(1000);
        float[] a = [.. Enumerable.Range(0, 1000).Select(i => i * 0.01f)], b = [.. a];
        float[] gradients = [.. Enumerable.Range(0, 1000).Select(i => MathF.Sin(i))];
        AdamWOptions options = new(LearningRate: 0.01);
        whole.Update(a, gradients, options);
        whole.Update(a, gradients, options);
        first.Update(b, gradients, options);
        second.Import(first.Export());
        OptimizerReport report = second.Update(b, gradients, options);
        Assert.Equal(a, b);
        Assert.Equal(2, report.Step);
    }

    [Fact]
    public void Threads_and_vectors_do_not_change_the_result()
    {
        const int count = 200_001;
        float[] gradients = [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
        AdamWStep step = AdamWStep.At(3, new(LearningRate: 0.1), 0.5);
        float[] p1 = new float[count], m1 = new float[count], v1 = new float[count], p2 = new float[count], m2 = new float[count], v2 = new float[count];
        AdamWKernel.UpdateParallel(p1, gradients, m1, v1, step);
        AdamWKernel.Update(p2, gradients, m2, v2, step);
        Assert.Equal(p2, p1);
        Assert.Equal(v2, v1);
    }

    private static void Follow(string name, JsonElement row, SafetensorsFile tensors, float[] gradients)
    {
        double[] rates = [.. row.GetProperty("numbers").GetProperty("f32").GetProperty("lr").EnumerateArray().Select(rate => rate.GetDouble())];
        double[] norms = [.. row.GetProperty("numbers").GetProperty("f32").GetProperty("norms").EnumerateArray().Select(norm => norm.GetDouble())];
        string key = row.GetProperty("tensors").GetProperty("parameters.f32").GetString()!;
        float[] expected = tensors.ReadFloat32(key);
        int count = (int)tensors.Tensors[key].Shape[1];
        float[] parameters = expected[..count];
        AdamW optimizer = new(count);
        for (int step = 0; step < rates.Length; step++)
        {
            OptimizerReport report = optimizer.Update(parameters, gradients.AsSpan(step * count, count), Options(name) with { LearningRate = rates[step] });
            for (int i = 0; i < count; i++)
            {
                float reference = expected[((step + 1) * count) + i];
                Assert.True(Math.Abs(reference - parameters[i]) <= (2e-6f * Math.Abs(reference)) + 1e-7f, $"{name}, step {step}, {i}: {reference:R} {parameters[i]:R}");
            }

            if (norms.Length > 0)
            {
                Assert.Equal(norms[step], report.GradientNorm, 1e-5 * (1 + norms[step]));
            }
        }
    }

    /// <summary>The constants stand in the case's name: weight decay, second beta and epsilon, or the clipping norm with torch's defaults.</summary>
    private static AdamWOptions Options(string name)
    {
        double Read(string field, double otherwise)
        {
            System.Text.RegularExpressions.Match match = System.Text.RegularExpressions.Regex.Match(name, $"-{field}([0-9.]+(e-?[0-9]+)?)");
            return match.Success ? double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : otherwise;
        }

        return new(Beta2: Read("b", 0.999), Epsilon: Read("eps", 1e-8), WeightDecay: Read("wd", 0.01), MaxGradientNorm: Read("clip", 0));
    }
}
