using Medix.Runs;

namespace Medix.Weights.Creation;

/// <summary>Progress of a checkpoint being made, in bytes.</summary>
public sealed record CreationProgress(string Tensor, long Done, long Total);

/// <summary>
/// What to make. <paramref name="DType"/> is <c>BF16</c>, <c>F16</c> or <c>F32</c>; <paramref name="Companions"/> is a folder to take tokenizer files
/// from, or null.
/// </summary>
public sealed record CreationOptions(ulong Seed = 1, string DType = "BF16", long ShardBytes = 5_000_000_000, string? Companions = null);

/// <summary>
/// Makes a checkpoint of random weights in Hugging Face layout, a slice at a time: to try sizes, speeds and formats where no weights can be had.
/// Matrices have mean 0 and deviation 0.02 (the published <c>initializer_range</c>; the sum of four uniform numbers, nearly normal), those that write to the residual
/// stream divided by √(2·layers); norms are 1, biases 0. A value depends on the seed, its tensor's name and its index alone.
/// </summary>
public static class RandomCheckpoint
{
    private const int SliceValues = 1 << 20;
    private const double Deviation = 0.02;

    /// <summary>
    /// Makes the folder, which must not hold anything yet. It appears under its name when it is whole.
    /// </summary>
    /// <exception cref="MedixException">The folder is not empty, or the disk has not enough room.</exception>
    public static void Create(
        Qwen3VLConfig config, string folder, CreationOptions options, Action<CreationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new MedixException($"{folder}: the folder is not empty. Name a new one; nothing is overwritten.");
        }

        string partial = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))}.{Environment.ProcessId}.partial";
        try
        {
            WriteWeights(config, partial, options, progress, cancellationToken);
            WriteSettings(config, partial, options);
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder);
            }

            Directory.Move(partial, folder);
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }

    private static void WriteWeights(
        Qwen3VLConfig config, string folder, CreationOptions options, Action<CreationProgress>? progress, CancellationToken cancellationToken)
    {
        ExpectedTensor[] plan = [.. ModelTensors.Of(config)];
        long total = plan.Sum(tensor => StreamedTensor.Size(options.DType, tensor.Shape)), done = 0;
        StreamedTensor[] tensors = [.. plan.Select(tensor => new StreamedTensor(TensorNames.Published(tensor.Name, config), options.DType, tensor.Shape, stream =>
        {
            foreach (float[] slice in Slices(tensor, config, options.Seed))
            {
                cancellationToken.ThrowIfCancellationRequested();
                TensorBytes.Write(stream, options.DType, slice);
                done += slice.Length * (long)(DTypes.Bits(options.DType) / 8);
                progress?.Invoke(new(tensor.Name, done, total));
            }
        }))];
        CheckpointWriter.Write(folder, tensors, new(options.ShardBytes), cancellationToken);
    }

    private static void WriteSettings(Qwen3VLConfig config, string folder, CreationOptions options)
    {
        string dtype = options.DType switch { "BF16" => "bfloat16", "F16" => "float16", _ => "float32" };
        ModelConfigWriter.Write(Path.Combine(folder, "config.json"), config, dtype);
        if (options.Companions is not null)
        {
            ModelSideFiles.Copy(options.Companions, folder);
        }

        ModelSideFiles.WriteMissingSettings(folder, config);
    }

    /// <summary>The tensor's values in order; the same array is filled again each time.</summary>
    private static IEnumerable<float[]> Slices(ExpectedTensor tensor, Qwen3VLConfig config, ulong seed)
    {
        long count = tensor.Shape.Aggregate(1L, (product, side) => checked(product * side));
        ulong own = Seed.Derive(seed, Seed.Of(tensor.Name));
        float deviation = (float)(Deviation / DepthFactor(tensor.Name, config));
        float[] slice = new float[Math.Min(count, SliceValues)];
        for (long at = 0; at < count; at += SliceValues)
        {
            slice = count - at < slice.Length ? new float[count - at] : slice;
            if (tensor.Shape.Length == 1)
            {
                Array.Fill(slice, tensor.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0f : 1f);
            }
            else
            {
                Fill(slice, own, at, deviation);
            }

            yield return slice;
        }
    }

    private static void Fill(float[] values, ulong seed, long start, float deviation)
    {
        const int parts = 16;
        Parallel.For(0, parts, part =>
        {
            int end = (int)((long)values.Length * (part + 1) / parts);
            for (int i = (int)((long)values.Length * part / parts); i < end; i++)
            {
                values[i] = deviation * NearlyNormal(seed + ((ulong)(start + i) * 0x9E37_79B9_7F4A_7C15));
            }
        });
    }

    /// <summary>Mean 0, deviation 1: four 16-bit numbers of one SplitMix64 output, added.</summary>
    private static float NearlyNormal(ulong state)
    {
        ulong z = (state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        z ^= z >> 31;
        int sum = (int)(z & 0xFFFF) + (int)((z >> 16) & 0xFFFF) + (int)((z >> 32) & 0xFFFF) + (int)(z >> 48);
        return (sum - 131_070) * (1 / 37_837.227f);
    }

    private static double DepthFactor(string name, Qwen3VLConfig config)
    {
        bool text = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal)
            || name.EndsWith("experts.down_proj", StringComparison.Ordinal);
        bool vision = name.EndsWith("attn.proj.weight", StringComparison.Ordinal) || name.EndsWith("mlp.linear_fc2.weight", StringComparison.Ordinal);
        return text ? Math.Sqrt(2.0 * config.Text.Layers) : vision ? Math.Sqrt(2.0 * config.Vision!.Depth) : 1;
    }
}
