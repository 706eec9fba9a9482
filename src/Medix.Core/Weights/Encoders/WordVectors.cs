using System.Text.Json;
using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Encoders;

/// <summary>
/// Vectors of whole words: <c>dictionary.json</c> (<c>[{word: row}, …]</c> or <c>{word: row}</c>) and one matrix [rows, dimensions] as <c>.safetensors</c>
/// or, where there is none, <c>.npy</c>. Rows of zeros stand for words that have no vector.
/// </summary>
public sealed class WordVectors
{
    private readonly Dictionary<string, int> _rows;
    private readonly float[] _table;

    private WordVectors(Dictionary<string, int> rows, float[] table, int dimensions)
    {
        _rows = rows;
        _table = table;
        Dimensions = dimensions;
    }

    /// <summary>Length of a vector.</summary>
    public int Dimensions { get; }

    /// <summary>Words that have a vector.</summary>
    public int Count => _rows.Count;

    /// <summary>Reads a folder. Throws <see cref="MedixException"/> naming the file at fault.</summary>
    public static WordVectors Read(string folder)
    {
        float[] table = ReadTable(folder, out int dimensions);
        if (Array.FindIndex(table, value => !float.IsFinite(value)) is >= 0 and int fault)
        {
            throw new MedixException($"{folder}: the word vectors have {table[fault]} in row {fault / dimensions}; expected finite numbers. Fetch the file again.");
        }

        Dictionary<string, int> rows = ReadWords(Path.Combine(folder, EmbedderFiles.WordsFile), table.Length / dimensions);
        bool HasVector(int row) => table.AsSpan(row * dimensions, dimensions).ContainsAnyExcept(0f);
        return new WordVectors(rows.Where(pair => HasVector(pair.Value)).ToDictionary(StringComparer.Ordinal), table, dimensions);
    }

    /// <summary>The vector of a word as it is written.</summary>
    public bool TryFind(string word, out ReadOnlySpan<float> vector)
    {
        bool found = _rows.TryGetValue(word, out int row);
        vector = found ? _table.AsSpan(row * Dimensions, Dimensions) : default;
        return found;
    }

    private static float[] ReadTable(string folder, out int dimensions)
    {
        string[] tensors = Directory.GetFiles(folder, "*.safetensors"), arrays = Directory.GetFiles(folder, "*.npy");
        if (tensors.Length == 0 && arrays.Length == 1)
        {
            return NpyFile.ReadMatrix(arrays[0], out dimensions);
        }

        if (tensors.Length != 1)
        {
            throw new MedixException($"{folder}: there are {tensors.Length} .safetensors and {arrays.Length} .npy files; expected one matrix of word vectors.");
        }

        using SafetensorsFile file = SafetensorsFile.Open(tensors[0]);
        if (file.Tensors.Count != 1 || file.Tensors.Values.First() is not { Shape: [> 0, > 0 and <= 1 << 20] } tensor)
        {
            throw new MedixException($"{tensors[0]}: its tensors are {string.Join(", ", file.Tensors.Values.Take(4).Select(t => $"'{t.Name}' {t.ShapeText}"))}; "
                + "expected one matrix [rows, dimensions] of word vectors.");
        }

        dimensions = (int)tensor.Shape[1];
        return file.ReadFloat32(tensor.Name);
    }

    private static Dictionary<string, int> ReadWords(string path, int count)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        JsonElement root = document.RootElement;
        JsonElement words = root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0 ? root[0] : root;
        Dictionary<string, int> rows = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in words.ValueKind == JsonValueKind.Object ? words.EnumerateObject() : default)
        {
            bool fits = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int row) && row >= 0 && row < count;
            rows[entry.Name] = fits
                ? entry.Value.GetInt32()
                : throw new MedixException($"{path}: the row of '{entry.Name}' is {entry.Value.GetRawText()}; expected 0 to {count - 1}. Fetch the files of one model.");
        }

        return rows.Count > 0 ? rows : throw new MedixException($"{path}: it lists no words; expected an object of word to row, alone or first in a list.");
    }
}
