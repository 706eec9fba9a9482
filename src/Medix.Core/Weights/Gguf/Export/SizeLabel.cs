using System.Globalization;

namespace Medix.Weights.Gguf.Export;

/// <summary>The size of a model as llama.cpp's converter writes it: <c>8B</c>, <c>1.7B</c>, <c>152K</c>, and <c>128x1.1B</c> for experts.</summary>
internal static class SizeLabel
{
    private static readonly (double Least, double Unit, string Suffix)[] Scales = [(1e12, 1e-12, "T"), (1e9, 1e-9, "B"), (1e6, 1e-6, "M"), (0, 1e-3, "K")];

    /// <summary>The label of these tensors. With experts it counts one expert of each layer.</summary>
    public static string Of(IReadOnlyList<PlannedTensor> tensors)
    {
        PlannedTensor[] experts = [.. tensors.Where(tensor => tensor.Name.Contains("_exps.", StringComparison.Ordinal))];
        long shared = tensors.Sum(tensor => tensor.Count) - experts.Sum(tensor => tensor.Count);
        if (experts.Length == 0)
        {
            return Rounded(shared);
        }

        long one = experts.Sum(tensor => tensor.Count / tensor.Shape[0]), number = experts.Sum(tensor => tensor.Shape[0]) / experts.Length;
        return string.Create(CultureInfo.InvariantCulture, $"{number}x{Rounded(shared + one)}");
    }

    /// <summary>A number of parameters with at least two digits.</summary>
    internal static string Rounded(long parameters)
    {
        (_, double unit, string suffix) = Scales.First(scale => parameters >= scale.Least);
        double scaled = parameters * unit;
        string whole = Math.Round(scaled).ToString(CultureInfo.InvariantCulture).TrimStart('0');
        int digits = Math.Max(2 - whole.Length, 0);
        // The converter rounds the exact value of the double, halves to even.
        decimal exact = decimal.Parse(scaled.ToString("F60", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return decimal.Round(exact, digits, MidpointRounding.ToEven).ToString($"F{digits}", CultureInfo.InvariantCulture) + suffix;
    }
}
