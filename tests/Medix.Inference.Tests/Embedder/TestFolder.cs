namespace Medix.Inference.Tests.Embedder;

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("medix-embedder-");

    public string Path => folder.FullName;

    public static TestFolder CopyOf(string source)
    {
        TestFolder copy = new();
        foreach (string file in Directory.GetFiles(source))
        {
            System.IO.File.Copy(file, copy.File(System.IO.Path.GetFileName(file)));
        }

        return copy;
    }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => folder.Delete(recursive: true);
}
