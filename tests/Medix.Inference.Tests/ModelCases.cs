using Medix.Imaging;
using Medix.Inference.Qwen3VL;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>The reference models and their cases, found by listing the folder.</summary>
internal static class ModelCases
{
    /// <summary>Folders of architectures this engine runs.</summary>
    public static IReadOnlyList<string> Folders()
    {
        string root = SharedFiles.Require("goldens", "models");
        string[] folders = [.. Directory.GetDirectories(root).Where(folder => IsSupported(Path.Combine(folder, "config.json"))).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(folders);
        return folders;
    }

    public static IReadOnlyList<string> Files(string folder, string pattern) => [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)];

    /// <summary>The rows of a case without their padding, each with its own images.</summary>
    public static IReadOnlyList<CaseRow> Rows(SafetensorsFile file, Qwen3VLConfig config)
    {
        long[] ids = file.ReadInt64("input_ids");
        int batch = (int)file.Tensors["input_ids"].Shape[0], length = ids.Length / batch;
        long[] mask = file.Tensors.ContainsKey("attention_mask") ? file.ReadInt64("attention_mask") : [.. ids.Select(_ => 1L)];
        Queue<ImageGrid> grids = new(Grids(file));
        float[] patches = file.Tensors.ContainsKey("pixel_values") ? file.ReadFloat32("pixel_values") : [];
        int patch = 0;
        List<CaseRow> rows = [];
        for (int b = 0; b < batch; b++)
        {
            int[] places = [.. Enumerable.Range(0, length).Where(t => mask[(b * length) + t] == 1)];
            int[] tokens = [.. places.Select(t => (int)ids[(b * length) + t])];
            List<ImageGrid> own = [];
            int square = config.Vision is null ? 1 : config.Vision.SpatialMergeSize * config.Vision.SpatialMergeSize;
            for (int left = config.Vision is null ? 0 : tokens.Count(t => t == config.ImageTokenId); left > 0; left -= own[^1].Patches / square)
            {
                own.Add(grids.Dequeue());
            }

            int values = own.Sum(grid => grid.Patches) * (config.Vision?.PatchLength ?? 0);
            rows.Add(new CaseRow(b, places, new ModelInput(tokens, patches[patch..(patch + values)], own)));
            patch += values;
        }

        Assert.Empty(grids);
        return rows;
    }

    private static IEnumerable<ImageGrid> Grids(SafetensorsFile file) => file.Tensors.ContainsKey("image_grid_thw")
        ? file.ReadInt64("image_grid_thw").Chunk(3).Select(g => new ImageGrid((int)g[0], (int)g[1], (int)g[2]))
        : [];

    private static bool IsSupported(string config)
    {
        if (!File.Exists(config) || !File.ReadAllText(config).Contains("Qwen3", StringComparison.Ordinal))
        {
            return false;
        }

        return true;
    }
}

/// <summary>One row of a case: the places that are not padding, and what the model reads there.</summary>
internal sealed record CaseRow(int Index, int[] Places, ModelInput Input);
