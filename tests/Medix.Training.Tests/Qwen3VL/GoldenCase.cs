using Medix.Imaging;
using Medix.Testing;
using Medix.Training.Qwen3VL;
using Medix.Weights;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>One model folder's case of the reference implementation.</summary>
public sealed class GoldenCase : IDisposable
{
    private readonly SafetensorsFile file;

    public GoldenCase(string model, string name)
    {
        Model = Path.Combine(Models(), model);
        file = SafetensorsFile.Open(Path.Combine(Model, name + ".safetensors"));
    }

    public string Model { get; }

    public IEnumerable<string> Names => file.Tensors.Keys;

    public static string Models() => SharedFiles.Require("goldens", "models");

    /// <summary>Model folders that can be trained here, and the names of their files that begin with <paramref name="prefix"/> and hold fp32.</summary>
    public static IReadOnlyList<(string Model, string Case)> List(string prefix)
    {
        if (SharedFiles.Root is not { } root || !Directory.Exists(Path.Combine(root, "goldens", "models")))
        {
            return [];
        }

        return
        [
            .. from folder in Directory.GetDirectories(Path.Combine(root, "goldens", "models")).Order(StringComparer.Ordinal)
               where IsSupported(folder)
               from path in Directory.GetFiles(folder, prefix + "*.safetensors").Order(StringComparer.Ordinal)
               let name = Path.GetFileNameWithoutExtension(path)
               where !name.Contains(".bf16", StringComparison.Ordinal)
               select (Path.GetFileName(folder), name),
        ];
    }

    public bool Has(string name) => file.Tensors.ContainsKey(name);

    public float[] Floats(string name) => file.Tensors[name].DType == "I64" ? Array.ConvertAll(Integers(name), value => (float)value) : file.ReadFloat32(name);

    public int[] Integers(string name) => Array.ConvertAll(file.ReadInt64(name), value => checked((int)value));

    public long[] Shape(string name) => file.Tensors[name].Shape;

    public IReadOnlyList<ImageGrid> Grids()
    {
        int[] values = Has("image_grid_thw") ? Integers("image_grid_thw") : [];
        return [.. values.Chunk(3).Select(grid => new ImageGrid(grid[0], grid[1], grid[2]))];
    }

    public ForwardInput Input()
    {
        long[] shape = Shape("input_ids");
        int rows = (int)shape[0], length = (int)shape[1];
        int[] mask = Integers("attention_mask");
        int[] positions = Has("position_ids") ? Integers("position_ids") : CountUp(mask, rows, length);
        return new(rows, length, Integers("input_ids"), mask, positions, Has("pixel_values") ? Floats("pixel_values") : [], Grids());
    }

    public void Dispose() => file.Dispose();

    private static bool IsSupported(string folder)
    {
        string config = Path.Combine(folder, "config.json");
        return File.Exists(config) && !File.ReadAllText(config).Contains("\"BertModel\"", StringComparison.Ordinal);
    }

    /// <summary>Without images a token's position is the number of real tokens before it in its row, on all three axes.</summary>
    private static int[] CountUp(int[] mask, int rows, int length)
    {
        int[] positions = new int[mask.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0, next = 0; i < length; i++)
            {
                positions[(row * length) + i] = mask[(row * length) + i] == 1 ? next++ : 0;
            }
        }

        return [.. positions, .. positions, .. positions];
    }
}
