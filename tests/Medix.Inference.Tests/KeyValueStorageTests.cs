using System.Runtime.Intrinsics;
using CsCheck;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;
using Medix.Runs;

namespace Medix.Inference.Tests;

/// <summary>Attention over keys and values of every storage, with the kernels of every vector width.</summary>
public unsafe class KeyValueStorageTests
{
    private const int Layer = 1;
    private static readonly KernelSet[] Widths = [KernelSet.Width512, KernelSet.Width256, KernelSet.Width128];
    private static readonly KeyValueStorage[] Storages = Enum.GetValues<KeyValueStorage>();

    /// <summary>
    /// Against softmax(q·Kᵀ)·V in double precision of the stored numbers, where only single precision's rounding is left, and of those before they were stored.
    /// Keys and values are of size 0.5.
    /// </summary>
    [Fact]
    public void Attention_equals_the_definition_on_the_stored_numbers() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[1, 40], Gen.Int[0, 230], Gen.Int[1, 210], Gen.Int[1, 9], Gen.ULong).Sample(
            (heads, group, halfDim, prefix, own, rows, seed) =>
            {
                foreach (KernelSet width in Widths)
                {
                    foreach (KeyValueStorage storage in Storages)
                    {
                        using Case made = new(width, storage, heads, group, 2 * halfDim, prefix, own, rows, seed);
                        made.AssertDefinition(2e-5, storage switch { KeyValueStorage.Fp32 => 2e-5, KeyValueStorage.Fp16 => 2e-3, _ => 0.05 });
                    }
                }
            },
            iter: 25);

    /// <summary>Bit for bit, though the rows of a product are several queries, and pages and prefixes are shared.</summary>
    [Fact]
    public void A_row_and_a_head_computed_alone_are_those_computed_with_others() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[1, 20], Gen.Int[0, 200], Gen.Int[1, 200], Gen.Int[2, 12], Gen.ULong).Sample(
            (heads, group, halfDim, prefix, own, rows, seed) =>
            {
                foreach (KernelSet width in Widths)
                {
                    foreach (KeyValueStorage storage in Storages)
                    {
                        using Case made = new(width, storage, heads, group, 2 * halfDim, prefix, own, rows, seed);
                        float[] together = made.Output;
                        for (int row = 0; row < rows; row++)
                        {
                            for (int head = 0; head < heads; head++)
                            {
                                made.Run(row, row + 1, head, head + 1);
                            }
                        }

                        Assert.Equal(together, made.Output);
                    }
                }
            },
            iter: 15);

    /// <summary>Every row meets every position that it sees once, in order, its prefix's first; neighbours that read the same page read it together.</summary>
    [Fact]
    public void Rows_read_their_pages_in_order_and_shared_ones_together()
    {
        using KvPages pages = new(1, 1, 16, KernelSet.Best);
        KvSequence prefix = new(pages), first = new(pages, prefix), second = new(pages, prefix), alone = new(pages);
        prefix.Extend(KvPages.Positions + 7);
        first.Extend((2 * KvPages.Positions) + 1);
        second.Adopt(first.Held[0]);
        second.Extend(3);
        alone.Extend(5);
        AttentionRows rows = new() { Sequences = [first, first, second, alone], Visible = [2 * KvPages.Positions, (2 * KvPages.Positions) + 1, KvPages.Positions + 3, 5] };
        List<(nint Page, int Positions, int Row, int Rows, int Column)> read = [];
        for (PageParts parts = new(rows, 0, 4); parts.Next(out PagePart part);)
        {
            read.Add((part.Page, part.Positions, part.Row, part.Rows, part.Column));
        }

        int page = KvPages.Positions, behind = page + 7;
        Assert.Equal(
            [
                (prefix.Held[0], page, 0, 3, 0), (prefix.Held[1], 7, 0, 3, page),
                (first.Held[0], page, 0, 3, behind), (alone.Held[0], 5, 3, 1, 0),
                (first.Held[1], page, 0, 2, behind + page), (second.Held[1], 3, 2, 1, behind + page),
                (first.Held[2], 1, 0, 2, behind + (2 * page)),
            ],
            read);
        PageParts later = new(rows, 2, 4);
        Assert.True(later.Next(out PagePart own) && own.Row == 0 && own.Rows == 1);
    }

    /// <summary>Subnormal numbers too: they are what is left of small values.</summary>
    [Fact]
    public void The_tiles_read_every_half_and_every_integer_exactly()
    {
        ushort[] halves = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).Where(bits => Half.IsFinite(BitConverter.UInt16BitsToHalf(bits)))];
        sbyte[] integers = [.. Enumerable.Range(sbyte.MinValue, 256).Select(i => (sbyte)i)];
        foreach (KernelSet width in Widths)
        {
            fixed (ushort* half = halves)
            {
                Assert.Equal(halves.Select(bits => (float)BitConverter.UInt16BitsToHalf(bits)), Read(width.MultiplyFloat16, width, (byte*)half, sizeof(ushort), halves.Length));
            }

            fixed (sbyte* integer = integers)
            {
                Assert.Equal(integers.Select(value => (float)value), Read(width.MultiplyInt8, width, (byte*)integer, sizeof(sbyte), integers.Length));
            }
        }
    }

    [Fact]
    public void Numbers_are_stored_to_the_nearest_and_nothing_is_lost_in_silence()
    {
        float[] values = [.. Random(64, Seed.Random(3)), 0, 1e-7f, -3e-6f, 60_000];
        foreach (KernelSet width in Widths)
        {
            Assert.Equal(values, Stored(KeyValueStorage.Fp32, width, values));
            Assert.Equal(values.Select(value => (float)(Half)value), Stored(KeyValueStorage.Fp16, width, values));
            float[] usual = values[..^1];
            float step = usual.Max(MathF.Abs) / 127;
            Assert.All(usual.Zip(Stored(KeyValueStorage.Int8, width, usual)), pair => Assert.InRange(pair.Second, pair.First - (0.501f * step), pair.First + (0.501f * step)));
        }

        // By itself, and as one of a whole vector.
        foreach (int more in (int[])[0, 15])
        {
            Assert.Equal([65504f, -65504f, 65504f], Stored(KeyValueStorage.Fp16, KernelSet.Best, [1e5f, -1e6f, float.PositiveInfinity, .. new float[more]])[..3]);
            Assert.All(Stored(KeyValueStorage.Int8, KernelSet.Best, [float.Epsilon, .. new float[more]]), value => Assert.InRange(value, 0, 1e-40f));
            Assert.Contains(Stored(KeyValueStorage.Int8, KernelSet.Best, [1, float.NaN, .. new float[more]]), float.IsNaN);
            Assert.DoesNotContain(Stored(KeyValueStorage.Int8, KernelSet.Best, [1, float.PositiveInfinity, .. new float[more]]), float.IsFinite);
        }

        Assert.Equal([0f, 0f], Stored(KeyValueStorage.Int8, KernelSet.Best, [0, 0]));
    }

    /// <summary>Every half, what lies halfway between two and next to that, subnormal numbers and what is beyond the range.</summary>
    [Fact]
    public void Halves_are_rounded_by_vectors_as_one_by_one()
    {
        float[] halves = [.. Enumerable.Range(0, 0x7C00).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)bits))];
        float[] between = [.. halves.Zip(halves.Skip(1), (low, high) => (low + high) / 2)];
        float[] special = [float.Epsilon, 65519.99f, 65520, 1e10f, float.PositiveInfinity, float.NaN];
        float[] magnitudes = [.. halves, .. between, .. between.Select(MathF.BitIncrement), .. between.Select(MathF.BitDecrement), .. special];
        foreach (float[] sixteen in magnitudes.Concat(magnitudes.Select(value => -value)).Chunk(16))
        {
            float[] values = new float[16];
            sixteen.CopyTo(values, 0);
            int[] rounded = new int[16];
            HalfBits.Round(Vector512.Create(values)).CopyTo(rounded);
            Assert.Equal(values.Select(value => (int)HalfBits.Round(value)), rounded);
        }
    }

    [Fact]
    public void Pages_are_as_small_as_what_they_hold()
    {
        foreach (KernelSet width in Widths)
        {
            using KvPages single = new(3, 2, 128, width), half = new(3, 2, 128, width, KeyValueStorage.Fp16), integers = new(3, 2, 128, width, KeyValueStorage.Int8);
            Assert.Equal(3 * 2 * KvPages.Positions * 2 * 128 * 4, single.PageBytes);
            Assert.Equal(single.PageBytes, 2 * half.PageBytes);
            Assert.Equal(single.PageBytes / 4 * 33 / 32, integers.PageBytes);
            integers.Return(integers.Rent());
            Assert.Equal((integers.PageBytes, 0), (integers.Bytes, integers.Used));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new KvPages(1, 1, 16, KernelSet.Best, (KeyValueStorage)7));
    }

    [Fact]
    public void Storing_and_attending_allocate_nothing()
    {
        foreach (KeyValueStorage storage in Storages)
        {
            using Case made = new(KernelSet.Best, storage, 2, 3, 32, 100, 150, 5, 1);
            made.Repeat();
            long before = GC.GetAllocatedBytesForCurrentThread();
            made.Repeat();
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    private static float[] Random(int count, SeededRandom random) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.5 * random.NextNormal()))];

    /// <summary>The first row of 1 · panel, vector after vector.</summary>
    private static float[] Read(delegate*<in Tile, void> multiply, KernelSet width, byte* numbers, int size, int count)
    {
        float one = 1;
        float[] read = new float[count];
        fixed (float* target = read)
        {
            for (int at = 0; at < count; at += width.Lanes)
            {
                Tile tile = new() { A = &one, Panel = numbers + (at * size), C = target + at, Steps = 1, Rows = 1, Vectors = 1 };
                multiply(tile);
            }
        }

        return read;
    }

    /// <summary>What is left of a key after it was stored.</summary>
    private static float[] Stored(KeyValueStorage storage, KernelSet width, float[] values)
    {
        using KvPages pages = new(2, 1, values.Length, width, storage);
        KvSequence sequence = new(pages);
        sequence.Extend(1);
        fixed (float* from = values)
        {
            sequence.Write(Layer, 0, 0, from, from);
        }

        float[] value = Case.Value(sequence, 0, 0), key = Case.Key(sequence, 0, 0);
        Assert.Equal(value, key);
        return key;
    }

    /// <summary>Rows of several sequences: successive positions of one, draws of their own behind a shared prefix or none, and sequences that share
    /// whole pages.</summary>
    private sealed class Case : IDisposable
    {
        private readonly KvPages pages;
        private readonly int heads;
        private readonly int group;
        private readonly int d;
        private readonly AttentionRows inputs;
        private readonly AlignedMemory memory;
        private readonly AlignedMemory scratch;
        private readonly long numbers;
        private readonly Dictionary<nint, float[][]> originals = [];

        public Case(KernelSet width, KeyValueStorage storage, int heads, int group, int d, int prefixLength, int own, int rows, ulong seed)
        {
            SeededRandom random = Seed.Random(seed);
            (this.heads, this.group, this.d) = (heads, group, d);
            pages = new KvPages(Layer + 1, heads, d, width, storage);
            numbers = (long)rows * heads * group * d;
            memory = AlignedMemory.OfFloats(2 * numbers);
            scratch = AlignedMemory.OfFloats(Attention.ScratchFloats(rows, group, prefixLength + own + rows, pages));
            KvSequence? prefix = prefixLength == 0 ? null : Filled(new KvSequence(pages), prefixLength, random);
            KvSequence shared = Filled(new KvSequence(pages, prefix), own + rows, random);
            inputs = new AttentionRows
            {
                Sequences = new KvSequence[rows], Visible = new int[rows], KeyValueHeads = heads, Group = group, OutputStride = heads * group * d,
                QueriesOfHead = (long)rows * group * d, Queries = memory.Floats, Output = memory.Floats + numbers,
            };
            for (int row = 0; row < rows; row++)
            {
                inputs.Sequences[row] = row < rows / 2 ? shared : Another(shared, random.NextInt(4) == 0 ? null : prefix, own, random);
                inputs.Visible[row] = row < rows / 2 ? own + row : inputs.Sequences[row].Length;
            }

            Random((int)numbers, random).CopyTo(new Span<float>(memory.Floats, (int)numbers));
            Run(0, rows, 0, heads);
        }

        public float[] Output => new ReadOnlySpan<float>(inputs.Output, (int)numbers).ToArray();

        public static float[] Key(KvSequence sequence, int head, int position)
        {
            (KvPages pages, nint page, int inside) = (sequence.Pages, sequence.Page(position), position % KvPages.Positions);
            return Numbers(pages, pages.KeyColumn(page, Layer, head, inside), pages.Kernels.PanelColumns, pages.KeyScales(page, Layer, head) + inside);
        }

        public static float[] Value(KvSequence sequence, int head, int position)
        {
            (KvPages pages, nint page, int inside) = (sequence.Pages, sequence.Page(position), position % KvPages.Positions);
            byte* row = pages.Values(page, Layer, head) + (inside * pages.ValueStride * pages.Format.Size);
            return Numbers(pages, row, 1, pages.ValueScales(page, Layer, head) + inside);
        }

        public void Run(int first, int end, int firstHead, int endHead) => Attention.Run(inputs, pages, Layer, first, end, firstHead, endHead, scratch.Floats);

        /// <summary>What a decoding step does.</summary>
        public void Repeat()
        {
            KvSequence last = inputs.Sequences[^1];
            last.Write(Layer, 0, last.Length - 1, inputs.Queries, inputs.Queries);
            Run(0, inputs.Visible.Length, 0, heads);
        }

        public void AssertDefinition(double tolerance, double beforeStoring)
        {
            float[] output = Output;
            for (int row = 0; row < inputs.Visible.Length; row++)
            {
                (KvSequence sequence, int visible) = (inputs.Sequences[row], inputs.Visible[row]);
                for (int head = 0; head < heads; head++)
                {
                    float[][] keys = [.. Positions(sequence, visible).Select(p => Key(p.Sequence, head, p.Position))];
                    float[][] values = [.. Positions(sequence, visible).Select(p => Value(p.Sequence, head, p.Position))];
                    float[][] trueKeys = [.. Positions(sequence, visible).Select(p => Original(p.Sequence, p.Position)[2 * head])];
                    float[][] trueValues = [.. Positions(sequence, visible).Select(p => Original(p.Sequence, p.Position)[(2 * head) + 1])];
                    for (int inside = 0; inside < group; inside++)
                    {
                        float* query = inputs.Queries + (head * inputs.QueriesOfHead) + (((row * group) + inside) * d);
                        float[] q = new ReadOnlySpan<float>(query, d).ToArray();
                        float[] actual = output.AsSpan((((row * heads * group) + (head * group) + inside) * d), d).ToArray();
                        AssertNear(Attend(q, keys, values), actual, tolerance);
                        AssertNear(Attend(q, trueKeys, trueValues), actual, beforeStoring);
                    }
                }
            }
        }

        public void Dispose()
        {
            pages.Dispose();
            memory.Dispose();
            scratch.Dispose();
        }

        private void AssertNear(double[] expected, float[] actual, double tolerance)
        {
            double most = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
            Assert.True(most < tolerance, $"{pages.Kernels.Name} {pages.Format.Storage}: {most} away, expected less than {tolerance}");
        }

        private static IEnumerable<(KvSequence Sequence, int Position)> Positions(KvSequence sequence, int visible) =>
            Enumerable.Range(0, sequence.Prefix?.Length ?? 0).Select(i => (sequence.Prefix!, i)).Concat(Enumerable.Range(0, visible).Select(i => (sequence, i)));

        private static double[] Attend(float[] query, float[][] keys, float[][] values)
        {
            double[] weights = [.. keys.Select(key => Math.Exp(key.Zip(query, (a, b) => (double)a * b).Sum()))];
            double sum = weights.Sum();
            double[] result = new double[query.Length];
            foreach ((float[] value, double weight) in values.Zip(weights))
            {
                for (int i = 0; i < result.Length; i++)
                {
                    result[i] += weight / sum * value[i];
                }
            }

            return result;
        }

        private static float[] Numbers(KvPages pages, byte* first, int stride, float* scale) => [.. Enumerable.Range(0, pages.HeadDim).Select(i => pages.Format.Storage switch
        {
            KeyValueStorage.Fp32 => ((float*)first)[i * stride],
            KeyValueStorage.Fp16 => (float)((Half*)first)[i * stride],
            _ => ((sbyte*)first)[i * stride] * *scale,
        })];

        /// <summary>A sequence that goes on from the first pages of the shared one, where it has whole pages, or one for itself.</summary>
        private KvSequence Another(KvSequence shared, KvSequence? prefix, int own, SeededRandom random)
        {
            KvSequence sequence = new(pages, prefix);
            int most = random.NextInt(3);
            for (int page = 0; page < most && (page + 1) * KvPages.Positions <= shared.Length - inputs.Visible.Length; page++)
            {
                sequence.Adopt(shared.Held[page]);
            }

            return Filled(sequence, 1 + random.NextInt(Math.Max(1, own - sequence.Length)), random);
        }

        private KvSequence Filled(KvSequence sequence, int count, SeededRandom random)
        {
            int from = sequence.Length;
            sequence.Extend(count);
            for (int position = from; position < from + count; position++)
            {
                float[][] parts = [.. Enumerable.Range(0, 2 * heads).Select(_ => Random(d, random))];
                originals[Place(sequence, position)] = parts;
                for (int head = 0; head < heads; head++)
                {
                    fixed (float* key = parts[2 * head], value = parts[(2 * head) + 1])
                    {
                        sequence.Write(Layer, head, position, key, value);
                    }
                }
            }

            return sequence;
        }

        private float[][] Original(KvSequence sequence, int position) => originals[Place(sequence, position)];

        private static nint Place(KvSequence sequence, int position) => sequence.Page(position) + (position % KvPages.Positions);
    }
}
