using System.Text.Json;
using Medix.Testing;
using Medix.Text;

namespace Medix.Core.Tests.Text;

/// <summary>The real Qwen3-VL vocabulary, loaded once for all test classes.</summary>
public sealed class QwenTokenizer
{
    private static readonly Lazy<Tokenizer> Loaded = new(() => Tokenizer.Load(SharedFiles.Require("data", "tokenizer-qwen", "qwen3-vl")));

    /// <summary>The tokenizer; skips the calling test where it is not there.</summary>
    public Tokenizer Tokenizer
    {
        get
        {
            SharedFiles.Require("data", "tokenizer-qwen", "qwen3-vl");
            return Loaded.Value;
        }
    }
}

/// <summary>Rows of the reference's files.</summary>
internal static class TokenizerGoldens
{
    public static List<JsonElement> Rows(params string[] path)
    {
        List<JsonElement> rows = [];
        foreach (string line in File.ReadLines(SharedFiles.Require(["goldens", "tokenizer", .. path])))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            rows.Add(document.RootElement.Clone());
        }

        Assert.NotEmpty(rows);
        return rows;
    }

    public static int[] Ints(this JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    public static string Text(this JsonElement row, string name) => row.GetProperty(name).GetString()!;

    public static string? TextOrNull(this JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    /// <summary>Fails with every row that differs, not with the first alone.</summary>
    public static void CheckAll(IEnumerable<JsonElement> rows, Func<JsonElement, string?> difference)
    {
        string[] failed = [.. rows.Select(row => (Id: row.GetProperty("id").ToString(), Difference: difference(row)))
            .Where(result => result.Difference is not null)
            .Select(result => $"row {result.Id}: {result.Difference}")];
        Assert.True(failed.Length == 0, $"{failed.Length} rows differ\n{string.Join('\n', failed.Take(20))}");
    }

    public static string? Compare(string what, IEnumerable<int> expected, IEnumerable<int> actual) =>
        expected.SequenceEqual(actual) ? null : $"{what}: expected [{string.Join(' ', expected)}], got [{string.Join(' ', actual)}]";

    public static string? Compare(string what, string? expected, string? actual) =>
        expected == actual ? null : $"{what}: expected {JsonSerializer.Serialize(expected)}, got {JsonSerializer.Serialize(actual)}";
}
