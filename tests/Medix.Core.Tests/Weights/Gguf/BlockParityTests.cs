using Medix.Weights;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>The block formats against ggml's own bytes and values. Tolerances stand in the goldens' README.</summary>
[Trait("Category", "Parity")]
public sealed class BlockParityTests
{
    // These search for scales: an equally good search may give other bytes.
    private static readonly string[] Searched = ["Q4_K", "Q5_K", "Q6_K"];

    [Fact]
    public void Every_readable_kind_widens_to_the_reference_values_bit_for_bit()
    {
        using SafetensorsFile file = Open();
        HashSet<string> seen = [];
        foreach (Case golden in Cases(file).Where(golden => golden.Format.CanRead))
        {
            byte[] blocks = file.Bytes(golden.Bytes).ToArray();
            float[] expected = file.ReadFloat32(golden.Values), actual = new float[expected.Length];
            golden.Format.Dequantise(blocks, actual);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.True(Same(expected[i], actual[i]), $"{golden.Bytes} [{i}]: {actual[i]:R}, expected {expected[i]:R}");
            }

            seen.Add(golden.Format.Name);
        }

        Assert.Equal(BlockFormats.All.Where(format => format.CanRead && format.Name != "F32").Select(format => format.Name).Order(), seen.Order());
    }

    [Fact]
    public void Kinds_without_a_search_are_written_as_the_reference_writes_them_byte_for_byte()
    {
        using SafetensorsFile file = Open();
        HashSet<string> seen = [];
        foreach (Case golden in Cases(file).Where(golden => golden.Format.CanWrite && !Searched.Contains(golden.Format.Name) && file.Tensors.ContainsKey(golden.Source)))
        {
            AssertBytes(golden, file.Bytes(golden.Bytes), Quantise(golden.Format, file.ReadFloat32(golden.Source)));
            seen.Add(golden.Format.Name);
        }

        Assert.Equal(
            BlockFormats.All.Where(format => format.CanWrite && format.Name != "F32" && !Searched.Contains(format.Name)).Select(format => format.Name).Order(),
            seen.Order());
    }

    [Fact]
    public void Kinds_with_a_search_are_as_near_as_the_reference_and_give_its_bytes()
    {
        using SafetensorsFile file = Open();
        int compared = 0;
        foreach (Case golden in Cases(file).Where(golden => Searched.Contains(golden.Format.Name) && file.Tensors.ContainsKey(golden.Source)))
        {
            float[] source = file.ReadFloat32(golden.Source);
            byte[] bytes = Quantise(golden.Format, source);
            float[] values = new float[source.Length];
            golden.Format.Dequantise(bytes, values);
            double ours = Error(source, values), theirs = Error(source, file.ReadFloat32(golden.Values));
            Assert.True(ours <= (1.02 * theirs) || double.IsNaN(theirs), $"{golden.Bytes}: error {ours}, the reference has {theirs}");
            AssertBytes(golden, file.Bytes(golden.Bytes), bytes);
            compared++;
        }

        Assert.True(compared >= Searched.Length, "There was no case to compare.");
    }

    [Fact]
    public void Other_kinds_are_refused_by_name()
    {
        using SafetensorsFile file = Open();
        Case[] others = [.. Cases(file).Where(golden => !golden.Format.CanRead)];
        Assert.NotEmpty(others);
        foreach (Case golden in others)
        {
            byte[] blocks = file.Bytes(golden.Bytes).ToArray();
            float[] values = new float[file.Tensors[golden.Values].Count];
            Medix.Runs.MedixException error = Assert.Throws<Medix.Runs.MedixException>(() => golden.Format.Dequantise(blocks, values));
            Assert.Contains(golden.Format.Name, error.Message, StringComparison.Ordinal);
            Assert.Contains("Q4_K", error.Message, StringComparison.Ordinal);
        }
    }

    private static SafetensorsFile Open() => SafetensorsFile.Open(Path.Combine(GgufGoldens.Folder("blocks"), "blocks.safetensors"));

    private static Case[] Cases(SafetensorsFile file)
    {
        Case[] cases = [.. file.Tensors.Keys.Where(name => name.EndsWith(".bytes", StringComparison.Ordinal)).Select(name =>
        {
            string[] parts = name.Split('.');
            BlockFormat format = BlockFormats.Find(parts[0]) ?? throw new InvalidOperationException($"{parts[0]} is not in the list of kinds.");
            return new Case(format, name, $"{name[..^".bytes".Length]}.dequant", $"source.{parts[1]}");
        }).OrderBy(golden => golden.Bytes, StringComparer.Ordinal)];
        Assert.NotEmpty(cases);
        Assert.All(cases, golden => Assert.Equal(file.Tensors[golden.Bytes].Count, golden.Format.BytesOf(file.Tensors[golden.Values].Count)));
        return cases;
    }

    private static byte[] Quantise(BlockFormat format, float[] values)
    {
        byte[] bytes = new byte[format.BytesOf(values.Length)];
        format.Quantise(values, bytes);
        return bytes;
    }

    private static void AssertBytes(Case golden, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        int at = expected.CommonPrefixLength(actual);
        Assert.True(
            at == expected.Length,
            $"{golden.Bytes}: byte {at} (block {at / golden.Format.BlockBytes}) is {(at < actual.Length ? actual[at] : -1)}"
            + $", expected {(at < expected.Length ? expected[at] : -1)}");
    }

    private static bool Same(float expected, float actual) =>
        float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual);

    private static double Error(float[] source, float[] values) => source.Zip(values, (a, b) => ((double)a - b) * ((double)a - b)).Sum();

    private sealed record Case(BlockFormat Format, string Bytes, string Values, string Source);
}
