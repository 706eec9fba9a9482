using Medix.Training.Native;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Native;

public class TorchNativeTests
{
    [Fact]
    public void Libtorch_loads_and_computes()
    {
        using TensorLeaks leaks = new();
        using Tensor a = ones(2, 3), b = ones(3, 2), c = a.mm(b);
        Assert.Equal(3f, c[1, 1].ToSingleAndDispose());
    }

    [Fact]
    public void A_version_need_is_marked_weak_once_and_nothing_else_changes()
    {
        string? path = ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, "libLibTorchSharp.so")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, "This system has another native library.");
        byte[] before = File.ReadAllBytes(path), after = [.. before];
        Assert.True(ElfVersionNeeds.MarkWeak(after, "GLIBCXX_3.4.32"));
        int[] changed = [.. Enumerable.Range(0, before.Length).Where(i => before[i] != after[i])];
        Assert.Equal(2, before[Assert.Single(changed)] ^ after[changed[0]]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\u007fELF\u0002\u0001 and nothing more, though long enough to hold a header if it were one, which it is not")]
    public void What_is_no_library_is_left_alone(string text)
    {
        byte[] image = [.. System.Text.Encoding.ASCII.GetBytes(text)];
        Assert.False(ElfVersionNeeds.MarkWeak(image.AsSpan(0, Math.Min(image.Length, 60)), "GLIBCXX_3.4.32"));
    }
}

internal static class TensorExtensions
{
    public static float ToSingleAndDispose(this Tensor tensor)
    {
        using (tensor)
        {
            return tensor.item<float>();
        }
    }
}
