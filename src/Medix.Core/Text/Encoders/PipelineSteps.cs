using System.Text.Json;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Text.Encoders;

/// <summary>Reads the steps of tokenizer.json about the subword model: normaliser, word split, template. What is not known is refused by name.</summary>
internal static class PipelineSteps
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The normaliser; <paramref name="settings"/> is tokenizer_config.json, whose explicit switches overrule a BertNormalizer's.</summary>
    public static Func<string, string> Normalizer(string path, JsonElement? step, JsonElement settings)
    {
        if (step is not { } element)
        {
            return text => text;
        }

        switch (TokenizerJson.Text(element, "type"))
        {
            case "Sequence":
                Func<string, string>[] steps = [.. List(path, element, "normalizers").Select(part => Normalizer(path, part, settings))];
                return text => steps.Aggregate(text, (result, next) => next(result));
            case "BertNormalizer":
                return Bert(element, settings);
            case "Lowercase":
                return BertNormalizer.Lower;
            case "StripAccents":
                return BertNormalizer.StripMarks;
            case "NFC":
                return UnicodeNormalizer.Compose;
            case "NFD":
                return UnicodeNormalizer.Decompose;
            case "Strip":
                bool left = TokenizerJson.IsTrue(element, "strip_left"), right = TokenizerJson.IsTrue(element, "strip_right");
                return text => left ? (right ? text.Trim() : text.TrimStart()) : right ? text.TrimEnd() : text;
            case "Prepend":
                string before = TokenizerJson.Text(element, "prepend") ?? "";
                return text => text.Length == 0 ? text : before + text;
            case "Replace":
                return Replace(path, element);
            default:
                throw Unsupported(
                    path, $"a normalizer is {Shorten(element)}", "BertNormalizer, Lowercase, StripAccents, NFC, NFD, Strip, Prepend, Replace or a Sequence of them");
        }
    }

    /// <summary>BERT's normaliser: absent switches are on, and accents follow the case.</summary>
    public static Func<string, string> Bert(JsonElement step, JsonElement settings)
    {
        bool? Switch(string name, string setting) => Flag(settings, setting) ?? Flag(step, name);
        bool lower = Switch("lowercase", "do_lower_case") ?? true;
        bool accents = Switch("strip_accents", "strip_accents") ?? lower;
        return new BertNormalizer(Flag(step, "clean_text") ?? true, Switch("handle_chinese_chars", "tokenize_chinese_chars") ?? true, accents, lower).Apply;
    }

    /// <summary>The word split; none is the whole text.</summary>
    public static WordSplit Split(string path, JsonElement? step) => step is not { } element ? WordSplits.Whole
        : TokenizerJson.Text(element, "type") switch
        {
            "Sequence" => WordSplits.Sequence([.. List(path, element, "pretokenizers").Select(part => Split(path, part))]),
            "BertPreTokenizer" => WordSplits.Bert,
            "WhitespaceSplit" => WordSplits.Spaces,
            "Metaspace" => Metaspace(path, element),
            _ => throw Unsupported(path, $"a pre_tokenizer is {Shorten(element)}", "BertPreTokenizer, WhitespaceSplit, Metaspace or a Sequence of them"),
        };

    /// <summary>The templates of one text and of two.</summary>
    public static (IReadOnlyList<TemplatePart> Single, IReadOnlyList<TemplatePart> Pair) Templates(string path, JsonElement? step)
    {
        if (step is not { } element)
        {
            return ([], []);
        }

        return TokenizerJson.Text(element, "type") switch
        {
            "TemplateProcessing" => (Template(path, element, "single"), Template(path, element, "pair")),
            "BertProcessing" => BertTemplates(SpecialId(path, element, "cls"), SpecialId(path, element, "sep")),
            _ => throw Unsupported(path, $"post_processor is {Shorten(element)}", "TemplateProcessing or BertProcessing"),
        };
    }

    /// <summary>[CLS] A [SEP], and [CLS] A [SEP] B [SEP].</summary>
    public static (IReadOnlyList<TemplatePart> Single, IReadOnlyList<TemplatePart> Pair) BertTemplates(int first, int last)
    {
        TemplatePart[] single = [new([first], false, 0), new(null, false, 0), new([last], false, 0)];
        return (single, [.. single, new(null, true, 1), new([last], true, 1)]);
    }

    /// <summary>An error about something these files may say elsewhere, but that is not read here.</summary>
    public static MedixException Unsupported(string path, string found, string expected) =>
        new($"{path}: {found}; expected {expected}. Only the WordPiece and unigram tokenizers of BERT encoders and static embeddings are read.");

    private static Func<string, string> Replace(string path, JsonElement element)
    {
        string content = TokenizerJson.Text(element, "content") ?? "";
        JsonElement pattern = TokenizerJson.Find(element, "pattern") ?? default;
        if (TokenizerJson.Text(pattern, "String") is { Length: > 0 } literal)
        {
            return text => text.Replace(literal, content, StringComparison.Ordinal);
        }

        if (TokenizerJson.Text(pattern, "Regex") is not { Length: > 0 } expression)
        {
            throw Unsupported(path, $"a normalizer is {Shorten(element)}", "a pattern that is a String or a Regex");
        }

        try
        {
            // Linear in the text whatever the file's pattern is.
            Regex regex = new(expression, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, PatternTimeout);
            return text => regex.Replace(text, _ => content);
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            throw Unsupported(path, $"a normalizer's pattern is '{expression}' ({fault.Message})", "one without look-around and back-references");
        }
    }

    private static WordSplit Metaspace(string path, JsonElement element)
    {
        string mark = TokenizerJson.Text(element, "replacement") ?? "\u2581";
        string prepend = TokenizerJson.Text(element, "prepend_scheme") ?? (Flag(element, "add_prefix_space") ?? true ? "always" : "never");
        return mark.Length == 1 && prepend is "always" or "first" or "never"
            ? WordSplits.Metaspace(mark[0], prepend, Flag(element, "split") ?? true)
            : throw Unsupported(path, $"a pre_tokenizer is {Shorten(element)}", "one character as replacement, and always, first or never as prepend_scheme");
    }

    private static List<TemplatePart> Template(string path, JsonElement element, string name)
    {
        List<TemplatePart> parts = [];
        foreach (JsonElement part in List(path, element, name))
        {
            bool special = TokenizerJson.Find(part, "SpecialToken") is not null;
            JsonElement body = TokenizerJson.Find(part, special ? "SpecialToken" : "Sequence") ?? default;
            int type = TokenizerJson.Find(body, "type_id") is { } number ? Whole(path, number) : 0;
            string id = TokenizerJson.Text(body, "id") ?? throw Unsupported(path, $"post_processor.{name} has {Shorten(part)}", "a SpecialToken or a Sequence");
            parts.Add(special ? new TemplatePart(SpecialIds(path, element, id), false, type) : new TemplatePart(null, id == "B", type));
        }

        return parts;
    }

    private static int[] SpecialIds(string path, JsonElement element, string name) =>
        TokenizerJson.Find(element, "special_tokens") is { } all && TokenizerJson.Find(all, name) is { } token
        && TokenizerJson.Find(token, "ids") is { ValueKind: JsonValueKind.Array } ids
            ? [.. ids.EnumerateArray().Select(id => Whole(path, id))]
            : throw Unsupported(path, $"post_processor.special_tokens does not list '{name}'", "the ids of every special token of the template");

    private static int SpecialId(string path, JsonElement element, string name) =>
        TokenizerJson.Find(element, name) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
            ? Whole(path, pair[1])
            : throw Unsupported(path, $"post_processor is {Shorten(element)}", $"'{name}' with a token and its id");

    private static JsonElement.ArrayEnumerator List(string path, JsonElement element, string name) =>
        TokenizerJson.Find(element, name) is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray()
            : throw Unsupported(path, $"{TokenizerJson.Text(element, "type")} has no list '{name}'", "one");

    private static int Whole(string path, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0
        ? number
        : throw Unsupported(path, $"post_processor has {Shorten(value)} for an id", "a whole number");

    private static bool? Flag(JsonElement element, string name) =>
        TokenizerJson.Find(element, name) switch { { ValueKind: JsonValueKind.True } => true, { ValueKind: JsonValueKind.False } => false, _ => null };

    private static string Shorten(JsonElement element) => element.GetRawText() is { Length: > 120 } text ? text[..120] + "…" : element.GetRawText();
}
