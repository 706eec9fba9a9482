using Medix.Core.Tests.Weights;
using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Core.Tests.Adapters;

/// <summary>PEFT's own adapters: read, written back, merged and taken out again.</summary>
[Trait("Category", "Parity")]
public sealed class LoraParityTests
{
    [Fact]
    public void Merging_gives_the_weights_that_PEFT_merges()
    {
        foreach ((string folder, Checkpoint model, LoraAdapter adapter) in Cases())
        {
            using SafetensorsFile merged = SafetensorsFile.Open(Path.Combine(folder, "merged-changed-tensors.safetensors"));
            Assert.Equal(merged.Tensors.Keys.Order(), adapter.Layers.Select(layer => layer.Parameter).Order());
            foreach (LoraLayer layer in adapter.Layers)
            {
                float[] weight = model.ReadFloat32(layer.Parameter);
                LoraMerge.Merge(layer, weight);
                AssertClose(merged.ReadFloat32(layer.Parameter), weight, 2e-6f, $"{folder} {layer.Parameter}");
            }
        }
    }

    [Fact]
    public void Unmerging_gives_the_base_back()
    {
        foreach ((string folder, Checkpoint model, LoraAdapter adapter) in Cases())
        {
            foreach (LoraLayer layer in adapter.Layers)
            {
                float[] start = model.ReadFloat32(layer.Parameter), weight = [.. start];
                LoraMerge.Merge(layer, weight);
                if (layer.Magnitude is not null)
                {
                    Assert.Throws<MedixException>(() => LoraMerge.Unmerge(layer, weight));
                    continue;
                }

                LoraMerge.Unmerge(layer, weight);
                AssertClose(start, weight, 2e-6f, $"{folder} {layer.Parameter}");
            }
        }
    }

    [Fact]
    public void Saving_gives_the_same_bytes_and_settings_that_read_back_equal()
    {
        foreach ((string folder, Checkpoint model, LoraAdapter adapter) in Cases())
        {
            using TempFolder temp = new();
            adapter.Save(temp.Path, model.Config);
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "adapter", LoraAdapter.WeightsFile)), File.ReadAllBytes(temp.File(LoraAdapter.WeightsFile)));
            Assert.Equal(
                LoraConfigFile.ToJson(adapter.Config).ToJsonString(), LoraConfigFile.ToJson(LoraConfigFile.Read(temp.File(LoraConfigFile.Name))).ToJsonString());
        }
    }

    [Fact]
    public void The_settings_choose_the_weights_that_PEFT_chose()
    {
        foreach ((string folder, Checkpoint model, LoraAdapter adapter) in Cases())
        {
            IEnumerable<string> chosen = LoraTargetPlan.Select(model.Config, adapter.Config, folder).Select(target => target.Parameter);
            Assert.Equal(adapter.Layers.Select(layer => layer.Parameter).Order(), chosen.Order());
        }
    }

    [Fact]
    public void Experts_held_the_other_way_round_are_turned()
    {
        bool seen = false;
        foreach ((string folder, Checkpoint model, LoraAdapter adapter) in Cases())
        {
            if (adapter.Layers.FirstOrDefault(l => l.Experts > 0 && l.Input != l.Output) is not { } layer)
            {
                continue;
            }

            // The same change of weights held as [E, out, in]: A reads the outputs and B writes the inputs.
            LoraLayer turned = layer with { Input = layer.Output, Output = layer.Input, A = Turn(layer.B, layer.Output, layer), B = TurnBack(layer.A, layer.Input, layer) };
            using TempFolder temp = new();
            LoraAdapter only = adapter with
            {
                Layers = [turned],
                Config = adapter.Config with { Targets = new([], null, Parameters: ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]) },
            };
            only.Save(temp.Path, model.Config);
            LoraLayer read = Assert.Single(LoraAdapter.Load(temp.Path, model.Config).Layers);
            Assert.Equal(layer.A, read.A);
            Assert.Equal(layer.B, read.B);
            Assert.Equal(layer.Parameter, read.Parameter);
            seen = true;
        }

        Assert.True(seen, "no adapter of experts found");
    }

    private static float[] Turn(float[] b, int width, LoraLayer layer)
    {
        var a = new float[b.Length];
        for (int i = 0; i < b.Length; i++)
        {
            int expert = i % layer.Experts, r = i / layer.Experts % layer.Rank, o = i / layer.Experts / layer.Rank;
            a[(((expert * layer.Rank) + r) * width) + o] = b[i];
        }

        return a;
    }

    private static float[] TurnBack(float[] a, int width, LoraLayer layer)
    {
        var b = new float[a.Length];
        for (int i = 0; i < a.Length; i++)
        {
            int column = i % width, r = i / width % layer.Rank, expert = i / width / layer.Rank;
            b[(((column * layer.Rank) + r) * layer.Experts) + expert] = a[i];
        }

        return b;
    }

    private static IEnumerable<(string Folder, Checkpoint Model, LoraAdapter Adapter)> Cases()
    {
        string root = SharedFiles.Require("goldens", "models");
        string[] folders = Directory.GetDirectories(Path.Combine(root, "lora"));
        Assert.NotEmpty(folders);
        foreach (string folder in folders)
        {
            string settings = Path.Combine(folder, "adapter");
            using Checkpoint model = Checkpoint.Open(Path.Combine(root, LoraConfigFile.Read(Path.Combine(settings, LoraConfigFile.Name)).BaseModel!));
            yield return (folder, model, LoraAdapter.Load(settings, model.Config));
        }
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        float worst = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        Assert.True(worst <= tolerance, $"{what}: largest difference {worst}");
    }
}
