using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Runs;

/// <summary>Files and folders that cannot be written: the fault names what was asked for, and nothing is left.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-atomic-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_file_below_a_file_is_refused_in_words()
    {
        string file = Path.Combine(folder, "file"), below = Path.Combine(file, "report.json");
        AtomicFile.WriteAllText(file, "text");
        Assert.StartsWith($"{below}: the file could not be written", Assert.Throws<MedixException>(() => AtomicFile.WriteAllText(below, "x")).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{below}: the file could not be written", Assert.Throws<MedixException>(() => AtomicFile.RequireWritable(below)).Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void Asking_whether_a_file_can_be_written_changes_nothing()
    {
        string file = Path.Combine(folder, "new", "file");
        AtomicFile.RequireWritable(file);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(folder, "new")));
        AtomicFile.WriteAllText(file, "text");
        AtomicFile.RequireWritable(file);
        Assert.Equal("text", File.ReadAllText(file));
        Assert.Contains("a folder of that name", Assert.Throws<MedixException>(() => AtomicFile.RequireWritable(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_file_is_one_that_is_not_there()
    {
        string file = Path.Combine(folder, "file");
        AtomicFile.RequireNew(file);
        AtomicFile.WriteAllText(file, "text");
        Assert.Contains("nothing is overwritten", Assert.Throws<MedixException>(() => AtomicFile.RequireNew(file)).Message, StringComparison.Ordinal);
        Assert.Contains("a folder of that name", Assert.Throws<MedixException>(() => AtomicFile.RequireNew(folder)).Message, StringComparison.Ordinal);
        Assert.Equal("text", File.ReadAllText(file));
    }

    [Fact]
    public void A_file_or_folder_without_a_name_is_refused_in_words()
    {
        Assert.Contains("is empty", Assert.Throws<MedixException>(() => AtomicFile.RequireNew("")).Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<MedixException>(() => AtomicFile.WriteAllText("", "x")).Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<MedixException>(() => NewFolder.Write("", _ => { })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_within_a_new_folder_names_the_folder_that_was_asked_for()
    {
        string target = Path.Combine(folder, "model");
        MedixException fault = Assert.Throws<MedixException>(() => NewFolder.Write(target, partial => throw new MedixException($"{partial}/weights: no room.")));
        Assert.Equal($"{target}/weights: no room.", fault.Message);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }
}
