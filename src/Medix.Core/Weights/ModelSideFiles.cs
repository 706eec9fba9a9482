using Medix.Runs;

namespace Medix.Weights;

/// <summary>The small files that belong beside a model's weights: tokenizer, chat template, image processor, generation settings.</summary>
public static class ModelSideFiles
{
    private static readonly string[] Names =
    [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "special_tokens_map.json", "chat_template.json", "chat_template.jinja",
        "preprocessor_config.json", "video_preprocessor_config.json", "generation_config.json", "LICENSE",
    ];

    /// <summary>Copies those that are there, each whole or not at all; the configuration too where asked for.</summary>
    public static void Copy(string source, string target, bool withConfig = false)
    {
        foreach (string name in Names.Where(n => File.Exists(Path.Combine(source, n))))
        {
            AtomicFile.WriteAllBytes(Path.Combine(target, name), File.ReadAllBytes(Path.Combine(source, name)));
        }

        if (withConfig)
        {
            AtomicFile.WriteAllBytes(Path.Combine(target, "config.json"), File.ReadAllBytes(Path.Combine(source, "config.json")));
        }
    }
}
