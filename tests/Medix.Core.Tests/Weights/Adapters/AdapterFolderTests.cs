using Medix.Core.Tests.Weights;
using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Core.Tests.Adapters;

/// <summary>Adapters into whole models and out again.</summary>
public sealed class AdapterFolderTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Merging_whole_folders_changes_what_PEFT_changes_and_nothing_else()
    {
        foreach ((string folder, string adapter, string model) in Cases())
        {
            using TempFolder merged = new();
            using TempFolder back = new();
            AdapterFolders.Merge(model, adapter, merged.Path, TestContext.Current.CancellationToken);
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "merged-changed-tensors.safetensors"));
            using Checkpoint before = Checkpoint.Open(model), after = Checkpoint.Open(merged.Path);
            foreach (string name in before.Names)
            {
                float[] values = after.ReadFloat32(name), wanted = expected.Tensors.ContainsKey(name) ? expected.ReadFloat32(name) : before.ReadFloat32(name);
                Assert.True(wanted.Zip(values, (a, b) => Math.Abs(a - b)).Max() <= (expected.Tensors.ContainsKey(name) ? 2e-6f : 0), $"{folder} {name}");
            }

            if (!LoraConfigFile.Read(Path.Combine(adapter, LoraConfigFile.Name)).Dora)
            {
                AdapterFolders.Unmerge(merged.Path, adapter, back.Path, TestContext.Current.CancellationToken);
                using Checkpoint again = Checkpoint.Open(back.Path);
                Assert.All(before.Names, name => Assert.True(before.ReadFloat32(name).Zip(again.ReadFloat32(name), (a, b) => Math.Abs(a - b)).Max() <= 2e-6f, name));
            }
            else
            {
                Assert.Throws<MedixException>(() => AdapterFolders.Unmerge(merged.Path, adapter, back.Path, TestContext.Current.CancellationToken));
                Assert.Empty(Directory.GetFiles(back.Path, "*.safetensors*"));
            }
        }
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Experts_held_the_other_way_round_get_the_same_change()
    {
        int seen = 0;
        foreach ((string folder, string adapter, string model) in Cases())
        {
            string turned = Path.Combine(model, "model.v5-layout.safetensors");
            if (!File.Exists(turned))
            {
                continue;
            }

            using TempFolder merged = new();
            AdapterFolders.Merge(turned, adapter, merged.Path, TestContext.Current.CancellationToken);
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "merged-changed-tensors.safetensors"));
            using Checkpoint after = Checkpoint.Open(merged.Path);
            foreach (ExpectedTensor tensor in ModelTensors.Of(after.Config).Where(tensor => tensor.OtherShape is not null && expected.Tensors.ContainsKey(tensor.Name)))
            {
                Assert.True(after.HoldsExpertsTransposed(tensor), tensor.Name);
                float[] wanted = expected.ReadFloat32(tensor.Name), values = after.ReadFloat32(tensor.Name);
                long rows = tensor.Shape[1], columns = tensor.Shape[2];
                for (long i = 0; i < wanted.Length; i++)
                {
                    long expert = i / (rows * columns), row = i / columns % rows, column = i % columns;
                    Assert.Equal(wanted[i], values[(((expert * columns) + column) * rows) + row], 2e-6f);
                }

                seen++;
            }
        }

        Assert.True(seen > 0, "no experts of the other layout found");
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void The_weights_say_which_adapters_are_in_them()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        (string Folder, string Adapter, string Model)[] plain = [.. Cases().Where(c => !LoraConfigFile.Read(Path.Combine(c.Adapter, LoraConfigFile.Name)).Dora)];
        var pair = plain.GroupBy(c => c.Model).First(group => group.Count() > 1).Take(2).ToArray();
        string model = pair[0].Model, first = pair[0].Adapter, second = pair[1].Adapter;
        using TempFolder temp = new();
        string one = temp.File("one"), two = temp.File("two"), back = temp.File("back"), none = temp.File("none");
        AdapterFolders.Merge(model, first, one, token);
        Assert.Contains("already", Assert.Throws<MedixException>(() => AdapterFolders.Merge(one, first, none, token)).Message, StringComparison.Ordinal);
        Assert.Contains("not among", Assert.Throws<MedixException>(() => AdapterFolders.Unmerge(one, second, none, token)).Message, StringComparison.Ordinal);
        AdapterFolders.Merge(one, second, two, token);
        AdapterFolders.Unmerge(two, first, one + "-less", token);
        AdapterFolders.Unmerge(one + "-less", second, back, token);
        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(model, "model.safetensors")), after = SafetensorsFile.Open(Path.Combine(back, "model.safetensors"));
        Assert.Equal(before.Metadata, after.Metadata);
        Assert.False(Directory.Exists(none));
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Nothing_is_overwritten_and_nothing_is_left_of_a_refusal()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        (_, string adapter, string model) = Cases().First();
        string dora = Cases().Select(c => c.Adapter).First(a => LoraConfigFile.Read(Path.Combine(a, LoraConfigFile.Name)).Dora);
        using TempFolder temp = new();
        string taken = temp.File("taken"), file = temp.File("file"), fresh = temp.File("fresh");
        Directory.CreateDirectory(taken);
        File.WriteAllText(Path.Combine(taken, "model.safetensors"), "mine");
        File.WriteAllText(file, "mine");
        Assert.All([taken, taken + "/", file], target => Assert.Throws<MedixException>(() => AdapterFolders.Merge(model, adapter, target, token)));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(taken, "model.safetensors")));
        Assert.Equal("mine", File.ReadAllText(file));
        Assert.Throws<MedixException>(() => AdapterFolders.Unmerge(model, dora, fresh, token));
        using CancellationTokenSource stopped = new();
        stopped.Cancel();
        Assert.Throws<OperationCanceledException>(() => AdapterFolders.Merge(model, adapter, fresh, stopped.Token));
        Assert.Equal([file, taken], Directory.GetFileSystemEntries(temp.Path).Order());
    }

    private static (string Folder, string Adapter, string Model)[] Cases()
    {
        string models = SharedFiles.Require("goldens", "models");
        string[] folders = [.. Directory.GetDirectories(Path.Combine(models, "lora")).Order()];
        Assert.NotEmpty(folders);
        return [.. folders.Select(folder => Path.Combine(folder, "adapter")).Select(adapter =>
            (Path.GetDirectoryName(adapter)!, adapter, Path.Combine(models, LoraConfigFile.Read(Path.Combine(adapter, LoraConfigFile.Name)).BaseModel!)))];
    }
}
