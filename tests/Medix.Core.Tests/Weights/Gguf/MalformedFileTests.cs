using System.Text.Json;
using Medix.Runs;
using Medix.Weights.Gguf;

namespace Medix.Core.Tests.Weights.Gguf;

[Trait("Category", "Parity")]
public sealed class MalformedFileTests
{
    [Fact]
    public void Every_malformed_file_is_refused_in_words_and_every_sound_one_opens()
    {
        string folder = GgufGoldens.Folder("malformed");
        using JsonDocument expectations = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        int refused = 0, opened = 0;
        foreach (JsonElement entry in expectations.RootElement.EnumerateArray())
        {
            string path = Path.Combine(folder, entry.GetProperty("file").GetString()!), reason = entry.GetProperty("reason").GetString()!;
            switch (entry.GetProperty("expected").GetString())
            {
                case "rejected":
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    MedixException error = Assert.Throws<MedixException>(() => GgufFile.Open(path).Dispose());
                    Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"{path} made the reader allocate more than 1 MiB");
                    Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
                    Assert.True(error.Message.Contains("expected", StringComparison.Ordinal) || error.Message.Contains("left", StringComparison.Ordinal)
                        || error.Message.Contains("twice", StringComparison.Ordinal) || error.Message.Contains("known are", StringComparison.Ordinal)
                        || error.Message.Contains("no file can have", StringComparison.Ordinal) || error.Message.Contains("UTF-8", StringComparison.Ordinal)
                        || error.Message.Contains("rows are multiples", StringComparison.Ordinal) || error.Message.Contains("cut short", StringComparison.Ordinal),
                        $"{reason}: {error.Message}");
                    refused++;
                    break;
                default:
                    // A last tensor without its padding is whole: such files are taken.
                    using (GgufFile file = GgufFile.Open(path))
                    {
                        Assert.All(file.Tensors.Values, tensor => Assert.Equal(tensor.Bytes, file.Bytes(tensor, 0, (int)tensor.Bytes).Length));
                    }

                    opened++;
                    break;
            }
        }

        Assert.True(refused > 0 && opened > 0, "The list has no case of either kind.");
    }

    [Fact]
    public void Every_value_type_is_read()
    {
        using GgufFile file = GgufFile.Open(Path.Combine(GgufGoldens.Folder("malformed"), "all-value-types.gguf"));
        HashSet<GgufValueType> seen = [.. file.Metadata.Keys.Select(key => file.Metadata[key].Type)];
        Assert.Equal(Enum.GetValues<GgufValueType>().Order(), seen.Order());
    }
}
