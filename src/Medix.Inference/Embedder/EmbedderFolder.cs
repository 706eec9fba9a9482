using Medix.Weights.Encoders;

namespace Medix.Inference.Embedder;

/// <summary>Opens an embedding model's folder, whatever its kind.</summary>
public static class EmbedderFolder
{
    /// <summary>
    /// Opens a sentence-transformers folder (BERT with CLS, mean or max pooling; StaticEmbedding), a plain BERT folder, a model2vec folder, or word vectors
    /// with <c>dictionary.json</c>. <paramref name="pooling"/> replaces what a BERT folder says.
    /// </summary>
    /// <exception cref="Runs.MedixException">
    /// The folder holds no embedder, an unknown architecture, only Python pickles, or tensors and tokens that do not fit the configuration.
    /// </exception>
    public static LocalEmbedder Open(string path, PoolingMode? pooling = null)
    {
        EmbedderFiles files = EmbedderFiles.Read(path, pooling);
        string name = NameOf(path);
        return files.Kind switch
        {
            EmbedderKind.Bert => SentenceEmbedder.Open(name, files),
            EmbedderKind.Static => StaticEmbedder.Open(name, files),
            _ => WordEmbedder.Open(name, files),
        };
    }

    /// <summary>The folder's name; of a hub cache's snapshot, whose folder is a hash, the repository's.</summary>
    private static string NameOf(string path)
    {
        DirectoryInfo folder = new(Path.GetFullPath(path));
        const string models = "models--";
        return folder.Parent is { Name: "snapshots", Parent: { } repository } && repository.Name.StartsWith(models, StringComparison.Ordinal)
            ? repository.Name[models.Length..].Replace("--", "/", StringComparison.Ordinal)
            : folder.Name;
    }
}
