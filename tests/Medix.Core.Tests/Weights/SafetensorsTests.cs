using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

/// <summary>What the container accepts and refuses, by examples of every rule and by random damage.</summary>
public sealed class SafetensorsTests
{
    private const string Good = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}""";

    [Fact]
    public void A_good_file_opens_and_reads()
    {
        using TempFolder temp = new();
        using SafetensorsFile file = SafetensorsFile.Open(Save(temp, Good, 9));
        Assert.Equal(2, file.ReadFloat32("a").Length);
        Assert.Equal(1, file.Tensors["b"].Count);
        Assert.Empty(file.Metadata);
        Assert.Throws<MedixException>(() => file.ReadFloat32("c"));
        Assert.Throws<MedixException>(() => file.ReadFloat32("b"));
    }

    [Theory]
    [InlineData(
        "overlap", """{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}""", "'b'", "inside tensor 'a'")]
    [InlineData("hole", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}""", "'b'", "unused bytes")]
    [InlineData("unused tail", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "end at byte 4", "unused bytes")]
    [InlineData("beyond the file", """{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]}}""", "'a'", "data section of 9 bytes")]
    [InlineData("size", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,9]}}""", "'a'", "needs 12 bytes")]
    [InlineData("overflow", """{"a":{"dtype":"F32","shape":[1099511627776,1099511627776,4],"data_offsets":[0,9]}}""", "'a'", "too large")]
    [InlineData("hidden by zero", """{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}""", "'a'", "too large")]
    [InlineData("negative", """{"a":{"dtype":"U8","shape":[-9],"data_offsets":[0,9]}}""", "'a'", "[-9]")]
    [InlineData("fraction", """{"a":{"dtype":"U8","shape":[9.5],"data_offsets":[0,9]}}""", "'a'", "[9.5]")]
    [InlineData("rank", """{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,9],"data_offsets":[0,9]}}""", "'a'", "17 entries")]
    [InlineData("backwards", """{"a":{"dtype":"U8","shape":[9],"data_offsets":[9,0]}}""", "'a'", "begin ≤ end")]
    [InlineData("dtype", """{"a":{"dtype":"F33","shape":[9],"data_offsets":[0,9]}}""", "'F33'", "BF16")]
    [InlineData("missing field", """{"a":{"dtype":"U8","data_offsets":[0,9]}}""", "'a'", "lacks")]
    [InlineData("twice", """{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", "'a'", "uplicate")]
    [InlineData("metadata", """{"__metadata__":{"x":1},"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", "__metadata__.x", "string")]
    [InlineData("array", "[]", "Array", "object")]
    [InlineData("broken", "{\"a\":", "JSON", "again")]
    public void A_broken_rule_is_named(string rule, string header, string naming, string saying)
    {
        using TempFolder temp = new();
        string path = Save(temp, header, 9);
        string message = Assert.Throws<MedixException>(() => SafetensorsFile.Open(path)).Message;
        Assert.All((string[])[path, naming, saying], part => Assert.True(message.Contains(part, StringComparison.Ordinal), $"{rule}: {message}"));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(200UL)]
    [InlineData(0UL)]
    public void A_lying_header_length_is_refused_before_anything_is_allocated(ulong length)
    {
        using TempFolder temp = new();
        string path = Save(temp, Good, 9);
        byte[] bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        File.WriteAllBytes(path, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<MedixException>(() => SafetensorsFile.Open(path));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
    }

    [Fact]
    public void Missing_empty_and_short_files_are_refused()
    {
        using TempFolder temp = new();
        Assert.Throws<MedixException>(() => SafetensorsFile.Open(temp.File("none")));
        Assert.Throws<MedixException>(() => SafetensorsFile.Open(temp.Path));
        File.WriteAllBytes(temp.File("short"), new byte[7]);
        Assert.Throws<MedixException>(() => SafetensorsFile.Open(temp.File("short")));
    }

    [Fact]
    public void Random_damage_to_the_header_is_an_error_or_harmless()
    {
        using TempFolder temp = new();
        byte[] original = File.ReadAllBytes(Save(temp, Good, 9));
        int open = 0, refused = 0;
        Gen.Select(Gen.Int[0, original.Length - 1], Gen.Byte, Gen.Int[0, original.Length], Gen.Bool).Array[1, 4].Sample(
            changes =>
            {
                byte[] bytes = [.. original];
                foreach ((int at, byte value, int cut, bool cuts) in changes)
                {
                    bytes[Math.Min(at, bytes.Length - 1)] = value;
                    bytes = cuts && cut > 0 && changes.Length == 4 ? bytes[..Math.Min(cut, bytes.Length)] : bytes;
                }

                string path = temp.File("damaged");
                File.WriteAllBytes(path, bytes);
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    using SafetensorsFile file = SafetensorsFile.Open(path);
                    foreach (TensorInfo tensor in file.Tensors.Values)
                    {
                        Assert.Equal(tensor.End - tensor.Begin, file.Bytes(tensor.Name).Length);
                    }

                    open++;
                }
                catch (MedixException)
                {
                    refused++;
                }

                Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
            },
            iter: 2000,
            threads: 1);
        Assert.True(open > 0 && refused > 0, $"{open} opened, {refused} refused: the damage is not varied enough");
    }

    [Fact]
    public void Written_tensors_read_back_byte_by_byte()
    {
        using TempFolder temp = new();
        Gen<int[]> shapes = Gen.Int[0, 3].SelectMany(rank => Gen.Int[0, 4].Array[rank]);
        Gen<TensorData> tensor = Gen.Select(Pick("F32", "BF16", "I64", "U8"), shapes, Gen.String[1, 6], Gen.ULong)
            .Select((dtype, shape, name, seed) => Tensor(dtype, shape, name + "!", seed));
        tensor.Array[0, 6].Sample(
            tensors =>
            {
                tensors = [.. tensors.DistinctBy(t => t.Name).Where(t => IsUnicode(t.Name))];
                string path = temp.File("written");
                SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["step"] = "7" });
                using (SafetensorsFile file = SafetensorsFile.Open(path))
                {
                    Assert.Equal(tensors.Select(t => t.Name).Order(), file.Tensors.Keys.Order());
                    Assert.All(tensors, t => Assert.True(file.Bytes(t.Name).SequenceEqual(t.Bytes.Span) && file.Tensors[t.Name].Shape.SequenceEqual(t.Shape)));
                    Assert.Equal("pt", file.Metadata["format"]);
                    Assert.Equal("7", file.Metadata["step"]);
                }

                byte[] first = File.ReadAllBytes(path);
                SafetensorsWriter.Write(path, [.. tensors.Reverse()], new Dictionary<string, string> { ["step"] = "7" });
                Assert.Equal(first, File.ReadAllBytes(path));
                Assert.Equal(0, (int)BinaryPrimitives.ReadUInt64LittleEndian(first) % 8);
            },
            iter: 200,
            threads: 1);
        Assert.Single(Directory.GetFiles(temp.Path));
    }

    [Fact]
    public void The_writer_refuses_what_no_reader_would_accept_and_leaves_nothing()
    {
        using TempFolder temp = new();
        string path = temp.File("refused");
        TensorData good = TensorData.FromFloat32("a", [2], [1, 2]);
        Assert.Throws<MedixException>(() => SafetensorsWriter.Write(path, [good, good]));
        Assert.Throws<MedixException>(() => SafetensorsWriter.Write(path, [good with { Shape = [3] }]));
        Assert.Throws<MedixException>(() => SafetensorsWriter.Write(path, [good with { Shape = [-1, -2] }]));
        Assert.Throws<MedixException>(() => SafetensorsWriter.Write(path, [good with { DType = "float" }]));
        Assert.Throws<MedixException>(() => SafetensorsWriter.Write(Path.Combine(path, "no", "folder"), [good]));
        Assert.Empty(Directory.GetFileSystemEntries(temp.Path));
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("BF16")]
    [InlineData("F16")]
    [InlineData("F64")]
    public void The_first_value_that_is_not_finite_is_found_wherever_it_is(string dtype)
    {
        using TempFolder temp = new();
        const int Count = 1000;
        Gen.Select(Gen.Int[0, Count - 1], Pick(double.NaN, double.PositiveInfinity, double.NegativeInfinity)).Sample(
            (index, value) =>
            {
                double[] values = [.. Enumerable.Range(0, Count).Select(i => i - 500.25)];
                values[index] = value;
                values[Count - 1] = value;
                string path = temp.File("nan");
                SafetensorsWriter.Write(path, [new TensorData("w", dtype, [10, 100], Encode(dtype, values))]);
                using SafetensorsFile file = SafetensorsFile.Open(path);
                Assert.Equal(new NonFiniteValue("w", index, value), file.FindNonFinite("w"));
            },
            iter: 60,
            threads: 1);
        string finite = temp.File("finite");
        SafetensorsWriter.Write(finite, [new TensorData("w", dtype, [3], Encode(dtype, [-0.0, 60000, -3]))]);
        using SafetensorsFile clean = SafetensorsFile.Open(finite);
        Assert.Null(clean.FindNonFinite("w"));
    }

    [Theory]
    [InlineData("BF16")]
    [InlineData("F16")]
    public void Every_16_bit_value_widens_exactly(string dtype)
    {
        using TempFolder temp = new();
        byte[] bytes = new byte[2 * 65536];
        for (int i = 0; i < 65536; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)i);
        }

        string path = temp.File("all");
        SafetensorsWriter.Write(path, [new TensorData("w", dtype, [65535], bytes.AsMemory(0, 131070))]);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        float[] values = file.ReadFloat32("w");
        Assert.Equal(65535, values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            float expected = dtype == "F16" ? (float)BitConverter.UInt16BitsToHalf((ushort)i) : BitConverter.UInt32BitsToSingle((uint)i << 16);
            Assert.Equal(expected, values[i]);
        }
    }

    private static Gen<T> Pick<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static byte[] Encode(string dtype, double[] values) => [.. values.SelectMany(value => dtype switch
    {
        "F32" => BitConverter.GetBytes((float)value),
        "BF16" => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16)),
        "F16" => BitConverter.GetBytes((Half)value),
        _ => BitConverter.GetBytes(value),
    })];

    private static TensorData Tensor(string dtype, int[] shape, string name, ulong seed)
    {
        int width = dtype switch { "F32" => 4, "BF16" => 2, "I64" => 8, _ => 1 };
        byte[] bytes = new byte[shape.Aggregate(width, (product, dimension) => product * dimension)];
        SeededRandom random = Seed.Random(seed);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)random.NextBits();
        }

        return new TensorData(name, dtype, [.. shape.Select(dimension => (long)dimension)], bytes);
    }

    // A lone surrogate has no UTF-8 form.
    private static bool IsUnicode(string name) => JsonNode.Parse($"\"{JsonEncode(name)}\"")!.GetValue<string>() == name;

    private static string JsonEncode(string name) => System.Text.Json.JsonEncodedText.Encode(name).ToString();

    private static string Save(TempFolder temp, string header, int dataLength)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)json.Length);
        json.CopyTo(bytes, 8);
        string path = temp.File("file.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
