using Medix.Weights.Inspection;
using Spectre.Console;

namespace Medix.Cli.Views;

/// <summary>Shows what a model is: Spectre's tables on a terminal, aligned columns when piped.</summary>
internal sealed class InspectView(TextWriter writer, bool interactive)
{
    private const int Gap = 2;

    public void Show(ModelReport report, bool tensors)
    {
        string tokenizer = report.Tokenizer is { } found ? Said(found)
            : report.Kind == ModelKind.Tensors ? "" : report.Kind == ModelKind.Gguf ? "none in the file" : "none in the folder";
        Table(null, ["", ""], Filled(
            ["path", report.Path],
            ["kind", Words(report.Kind)],
            ["architecture", report.Architecture],
            ["shape", report.Summary],
            ["parameters", Parameters(report.Parameters)],
            ["KV cache", report.Cache is { } cache ? Said(cache) : ""],
            ["tokenizer", tokenizer],
            ["licence", Said(report.Licence)],
            ["weights", Weights(report)]));
        Table(
            "Types", ["dtype", "tensors", "parameters", "bytes"],
            [.. report.DTypes.Select(type => (string[])[type.DType, Number(type.Tensors), Number(type.Parameters), Number(type.Bytes)])]);
        if (tensors)
        {
            Table("Tensors", ["name", "dtype", "shape", "bytes", "file"], [.. (report.Tensors ?? []).Select(Row)]);
        }

        List("Missing", report.MissingShards);
        List("Note", report.Notes);
        List("Fault", report.Faults);
        string more = report.Faults.Count == ModelReport.MaxFaults ? "; there may be more" : "";
        if (report.Faults.Count > 0)
        {
            Line($"This model would not load: {Count(report.Faults.Count, "fault")}{more}.");
        }
    }

    private static string[][] Filled(params string[][] rows) => [.. rows.Where(row => row[1].Length > 0)];

    private static string[] Row(TensorEntry tensor) =>
    [
        tensor.Name, tensor.DType ?? "?", tensor.Shape is { } shape ? $"[{string.Join(", ", shape)}]" : "?",
        tensor.Bytes is { } bytes ? Number(bytes) : "?", $"{tensor.Shard ?? "-"}{(tensor.Present ? "" : " (missing)")}",
    ];

    private static string Words(ModelKind kind) => kind switch
    {
        ModelKind.LanguageModel => "language model",
        ModelKind.Encoder => "text encoder",
        ModelKind.StaticEmbedder => "static embedder",
        ModelKind.WordVectors => "word vectors",
        ModelKind.Adapter => "adapter",
        ModelKind.Gguf => "GGUF model",
        _ => "tensors",
    };

    /// <summary>A licence in words.</summary>
    internal static string Said(LicenceSummary? licence) => licence is null ? "no file names one" : $"{licence.Name} ({licence.Source})";

    /// <summary>The memory of keys and values in words.</summary>
    internal static string Said(CacheSize cache) => $"{Number(cache.Bf16BytesPerToken)} bytes per token in 16 bits, {Number(cache.Fp32BytesPerToken)} in 32";

    /// <summary>A tokenizer in words.</summary>
    internal static string Said(TokenizerSummary tokenizer)
    {
        string vocabulary = tokenizer.Vocabulary is { } size ? $"{Number(size)} tokens" : "vocabulary not read";
        return $"{tokenizer.Kind}, {vocabulary}, {(tokenizer.ChatTemplate ? "with" : "no")} chat template ({tokenizer.File})";
    }

    private static string Parameters(ParameterCounts counts)
    {
        string parts = counts is { Text: { } text, Vision: { } vision } && vision > 0 ? $" (text {Number(text)}, vision {Number(vision)})" : "";
        string active = counts.Active is { } used && used != counts.Text ? $"; {Number(used)} of the text's are active per token" : "";
        return Number(counts.Total) + parts + active;
    }

    private static string Weights(ModelReport report)
    {
        string missing = report.MissingShards.Count > 0 ? $", {report.MissingShards.Count} of them missing" : "";
        return $"{Count(report.TensorCount, "tensor")} in {Count(report.Shards.Count, "file")}{missing}";
    }

    private void Table(string? title, string[] header, string[][] rows)
    {
        string[][] clean = [.. rows.Select(row => row.Select(Clean).ToArray())];
        if (interactive)
        {
            SpectreTable(title, header, clean);
            return;
        }

        string[][] all = header.All(cell => cell.Length == 0) ? clean : [header, .. clean];
        int[] widths = [.. header.Select((_, column) => all.Max(row => row[column].Length) + Gap)];
        foreach (string[] row in all)
        {
            IEnumerable<string> cells = row.Select((cell, i) => IsNumber(header[i]) ? cell.PadLeft(widths[i] - Gap).PadRight(widths[i]) : cell.PadRight(widths[i]));
            writer.WriteLine(string.Concat(cells).TrimEnd());
        }

        writer.WriteLine();
    }

    private static void SpectreTable(string? title, string[] header, string[][] rows)
    {
        Table table = new() { Border = TableBorder.Rounded, ShowHeaders = header.Any(cell => cell.Length > 0) };
        if (title is not null)
        {
            table.Title = new TableTitle(title);
        }

        foreach (string column in header)
        {
            table.AddColumn(new TableColumn(column) { Alignment = IsNumber(column) ? Justify.Right : Justify.Left });
        }

        foreach (string[] row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
    }

    private static bool IsNumber(string column) => column is "tensors" or "parameters" or "bytes";

    private void List(string word, IReadOnlyList<string> lines)
    {
        foreach (string line in lines)
        {
            Line($"{word}: {line}");
        }
    }

    private void Line(string text) => writer.WriteLine(Clean(text));

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Count(int count, string thing) => $"{Number(count)} {thing}{(count == 1 ? "" : "s")}";

    // Names come from files of strangers: an escape sequence in one must not reach the terminal.
    internal static string Clean(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
