using System.CommandLine;
using System.Numerics.Tensors;
using System.Text.Json;
using Medix.Inference.Embedder;
using Medix.Runs;
using Medix.Weights.Encoders;

namespace Medix.Cli.Commands;

/// <summary><c>medix embed</c>: the vectors of some texts and how similar they are.</summary>
internal static class EmbedCommand
{
    private const int MostColumns = 16;
    private const int Neighbours = 3;
    private const int MostShown = 100;

    private const string Caution =
        "Cosine of the embeddings. An embedding sees what a text is about, hardly its sides, negations or doses: \"left\" and \"right\", \"5 mg\" and \"50 mg\" are near.";

    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "Folder of an embedding model: sentence-transformers, BERT, model2vec or word vectors" };
        var texts = new Argument<string[]>("texts") { Description = "Texts to compare", Arity = ArgumentArity.ZeroOrMore };
        var file = new Option<string?>("--file") { Description = "File of more texts, one a line" };
        var pooling = new Option<PoolingMode?>("--pooling") { Description = "cls, mean or max, in place of what the folder of a BERT model says" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("embed", "Print the similarity of texts by an embedding model; with --json the vectors too") { model, texts, file, pooling, json };
        command.SetAction((parsed, token) =>
        {
            string[] all = [.. parsed.GetValue(texts) ?? [], .. Lines(parsed.GetValue(file))];
            if (all.Length == 0)
            {
                throw new MedixException("There is no text to embed: give some after the model, each in quotes, or name a file of lines with --file.");
            }

            using LocalEmbedder embedder = EmbedderFolder.Open(ModelPath.Of(parsed.GetValue(model)!), parsed.GetValue(pooling));
            IReadOnlyList<TextEmbedding> embedded = embedder.Embed(all, token);
            float[][] cosines = [.. embedded.Select(a => embedded.Select(b => Cosine(a.Vector, b.Vector)).ToArray())];
            if (parsed.GetValue(json))
            {
                EmbeddedText[] items = [.. all.Zip(embedded, (text, e) => new EmbeddedText(text, e.Tokens, e.Cut, e.Vector))];
                Console.Out.WriteLine(JsonSerializer.Serialize(new EmbedResult(embedder.Info, items, cosines), EventLog.Lines));
            }
            else
            {
                Print(embedder.Info, all, embedded, cosines);
            }

            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }

    private static IEnumerable<string> Lines(string? file)
    {
        try
        {
            return file is null ? [] : File.ReadAllLines(file).Where(line => !string.IsNullOrWhiteSpace(line));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"--file {file}: the file cannot be read ({fault.Message.TrimEnd('.')}). Check the path and its permissions.", fault);
        }
    }

    // A text without a known word is all zeros: like no other, itself included.
    private static float Cosine(float[] a, float[] b)
    {
        float cosine = TensorPrimitives.CosineSimilarity(a, b);
        return float.IsNaN(cosine) ? 0 : cosine;
    }

    private static void Print(EmbedderInfo info, string[] texts, IReadOnlyList<TextEmbedding> embedded, float[][] cosines)
    {
        string kind = info.Kind switch
        {
            EmbedderKind.Bert => $"BERT encoder, {info.Pooling.ToString().ToLowerInvariant()} pooling",
            EmbedderKind.Static => "static subword embeddings",
            _ => "word vectors",
        };
        string limit = info.MaxTokens is int most ? $", reads at most {most} tokens" : "";
        Console.WriteLine($"{info.Name}: {kind}, {info.Dimensions} dimensions{limit}\n");
        string[] lines = texts.Length <= MostColumns ? Table(texts, cosines) : Nearest(texts, cosines);
        Console.WriteLine(string.Join(Environment.NewLine, lines));
        foreach ((TextEmbedding text, int i) in embedded.Select((text, i) => (text, i)).Where(pair => pair.text.Cut > 0))
        {
            Console.WriteLine($"Cut: text {i + 1} is longer than the model reads; its last {text.Cut} tokens were left out.");
        }

        foreach (int i in Enumerable.Range(0, texts.Length).Where(i => !embedded[i].Vector.AsSpan().ContainsAnyExcept(0f)))
        {
            Console.WriteLine($"Empty: the model knows nothing of text {i + 1}; its vector is all zeros.");
        }

        Console.WriteLine($"\n{Caution}");
    }

    private static string[] Table(string[] texts, float[][] cosines) =>
    [
        "    " + string.Concat(Enumerable.Range(1, texts.Length).Select(i => $"{i,7}")),
        .. texts.Select((text, i) => $"{i + 1,4}" + string.Concat(cosines[i].Select(Number)) + "  " + Shown(text)),
    ];

    private static string[] Nearest(string[] texts, float[][] cosines) => [.. texts.SelectMany((text, i) => (string[])
    [
        $"{i + 1,4}  {Shown(text)}",
        .. Enumerable.Range(0, texts.Length).Where(j => j != i).OrderByDescending(j => cosines[i][j]).Take(Neighbours)
            .Select(j => $"    {Number(cosines[i][j])}  {j + 1,4}  {Shown(texts[j])}"),
    ])];

    private static string Shown(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= MostShown ? line : line[..MostShown] + "…";
    }

    private static string Number(float value) => string.Create(CultureInfo.InvariantCulture, $"{value,7:0.000}");

    private sealed record EmbeddedText(string Text, int Tokens, int TokensCut, float[] Vector);

    private sealed record EmbedResult(EmbedderInfo Model, EmbeddedText[] Texts, float[][] Cosines);
}
