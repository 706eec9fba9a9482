using System.Buffers.Binary;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Gguf;

namespace Medix.Core.Tests.Weights.Gguf;

/// <summary>Damaged files, thousands of them: either they open, or the error says why; and nothing large is allocated for a small file.</summary>
public sealed class FuzzTests
{
    private const int Mutants = 5000;

    // Every mutant goes through the header's reader, each eighth through a file too: files cost more time than everything else.
    private const int Files = 8;

    // Strings are two bytes a character, every value has a dictionary entry, and messages are long: a file costs this much at most.
    private const int BytesPerByte = 64;
    private const int BytesPerOpen = 256 << 10;

    [Fact]
    public void No_damage_to_a_GGUF_file_crashes_the_reader()
    {
        using TempFolder folder = new();
        byte[] sound = SmallGguf();
        Fuzz(folder, sound, GgufMutations, (bytes, path) => GgufHeader.Parse(bytes, path, bytes.Length), path =>
        {
            using GgufFile file = GgufFile.Open(path);
            foreach (GgufTensor tensor in file.Tensors.Values.Where(tensor => tensor.Format.CanRead && tensor.Count <= 1 << 16))
            {
                file.ReadFloat32(tensor, 0, new float[tensor.Count]);
            }
        });
    }

    [Fact]
    public void No_damage_to_a_safetensors_file_crashes_the_reader()
    {
        using TempFolder folder = new();
        string path = folder.File("sound.safetensors");
        SafetensorsWriter.Write(path, [TensorData.FromFloat32("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), TensorData.FromFloat32("b", [4], [0, 1, 2, 3])]);
        Fuzz(folder, File.ReadAllBytes(path), TextMutations, ParseSafetensors, file =>
        {
            using SafetensorsFile opened = SafetensorsFile.Open(file);
            foreach (string name in opened.Tensors.Keys)
            {
                _ = opened.Bytes(name).Length;
            }
        });
    }

    private static void ParseSafetensors(byte[] bytes, string path)
    {
        int length = bytes.Length < 8 ? -1 : (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes), int.MaxValue);
        if (length >= 0 && length <= bytes.Length - 8)
        {
            _ = SafetensorsHeader.Parse(bytes.AsMemory(8, length), path, bytes.Length - 8 - length);
        }
    }

    private static void Fuzz(
        TempFolder folder, byte[] sound, Func<byte[], SeededRandom, byte[]> mutate, Action<byte[], string> parse, Action<string> open)
    {
        string path = folder.File("mutant");
        File.WriteAllBytes(path, sound);
        open(path);
        int refused = 0;
        for (ulong seed = 0; seed < Mutants; seed++)
        {
            byte[] mutant = mutate([.. sound], Seed.Random(seed));
            if (seed % Files == 0)
            {
                File.WriteAllBytes(path, mutant);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                if (seed % Files == 0)
                {
                    open(path);
                }
                else
                {
                    parse(mutant, path);
                }
            }
            catch (MedixException error)
            {
                Assert.Contains(path, error.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception error) when (error is not MedixException)
            {
                Assert.Fail($"Seed {seed}: {error}");
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < BytesPerOpen + (BytesPerByte * (long)mutant.Length), $"Seed {seed}: {allocated} bytes were allocated for a file of {mutant.Length}.");
        }

        Assert.True(refused > Mutants / 4, $"Only {refused} of {Mutants} were refused: the damage does not reach the reader.");
    }

    private static byte[] GgufMutations(byte[] bytes, SeededRandom random)
    {
        for (int count = random.NextInt(1, 4); count > 0; count--)
        {
            bytes = random.NextInt(5) switch
            {
                0 => bytes[..random.NextInt(bytes.Length)],
                1 when bytes.Length >= 8 => WithNumber(bytes, random),
                2 => [.. bytes, .. new byte[random.NextInt(100)]],
                3 when bytes.Length > 16 => Repeated(bytes, random),
                _ => WithByte(bytes, random),
            };
        }

        return bytes;
    }

    private static byte[] TextMutations(byte[] bytes, SeededRandom random)
    {
        string digits = "0123456789{}[],:\"eE-";
        for (int count = random.NextInt(1, 5); count > 0 && bytes.Length > 8; count--)
        {
            int at = random.NextInt(bytes.Length);
            bytes = random.NextInt(4) switch
            {
                0 => bytes[..at],
                1 => [.. bytes[..at], (byte)digits[random.NextInt(digits.Length)], .. bytes[at..]],
                2 => WithByte(bytes, random),
                _ => [.. bytes[..at], (byte)digits[random.NextInt(digits.Length)], .. bytes[(at + 1)..]],
            };
        }

        return bytes;
    }

    private static byte[] WithByte(byte[] bytes, SeededRandom random)
    {
        if (bytes.Length > 0)
        {
            bytes[random.NextInt(bytes.Length)] = (byte)random.NextBits();
        }

        return bytes;
    }

    /// <summary>Sizes and offsets are 8 bytes long: one of the numbers that hurt, somewhere.</summary>
    private static byte[] WithNumber(byte[] bytes, SeededRandom random)
    {
        ulong[] numbers = [0, 1, 2, 7, 8, 9, 13, 31, 255, 1 << 16, int.MaxValue, uint.MaxValue, 1UL << 61, long.MaxValue, 1UL << 63, ulong.MaxValue];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(random.NextInt(bytes.Length - 7)), random.Pick(numbers));
        return bytes;
    }

    private static byte[] Repeated(byte[] bytes, SeededRandom random)
    {
        int start = random.NextInt(bytes.Length - 16), length = random.NextInt(1, 16);
        return [.. bytes[..(start + length)], .. bytes[start..]];
    }

    private static byte[] SmallGguf()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write(2UL);
        writer.Write(4UL);
        Text(writer, "general.architecture");
        writer.Write(8u);
        Text(writer, "qwen3");
        Text(writer, "tokens");
        writer.Write(9u);
        writer.Write(8u);
        writer.Write(3UL);
        Text(writer, "a");
        Text(writer, "bc");
        Text(writer, "");
        Text(writer, "sections");
        writer.Write(9u);
        writer.Write(5u);
        writer.Write(2UL);
        writer.Write(4);
        writer.Write(2);
        Text(writer, "flag");
        writer.Write(7u);
        writer.Write((byte)1);
        Info(writer, "a.weight", [32, 2], 8, 0);
        Info(writer, "b.weight", [3], 0, 96);
        while (stream.Length % 32 != 0)
        {
            writer.Write((byte)0);
        }

        writer.Write(new byte[128]);
        writer.Flush();
        return stream.ToArray();
    }

    private static void Info(BinaryWriter writer, string name, ulong[] sides, uint type, ulong offset)
    {
        Text(writer, name);
        writer.Write((uint)sides.Length);
        foreach (ulong side in sides)
        {
            writer.Write(side);
        }

        writer.Write(type);
        writer.Write(offset);
    }

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((ulong)text.Length);
        writer.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }
}
