using Medix.Imaging;
using Medix.Training.Modules;
using Medix.Training.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// What the vision tower gives to the decoder, each [merged tokens, text hidden]: the image tokens, and what DeepStack adds to them behind the decoder's
/// first layers.
/// </summary>
internal sealed record VisionFeatures(Tensor Merged, IReadOnlyList<Tensor> DeepStack);

/// <summary>Called with the name and value of an intermediate result, as the golden files name them.</summary>
internal delegate void Observer(string name, Tensor value);

/// <summary>Qwen3-VL's vision transformer: patches of all images in one matrix [N, hidden], attention within each frame.</summary>
internal sealed class VisionTower(VisionConfig config, ParameterStore parameters, Operations operations, Projections projections)
{
    private const double NormEpsilon = 1e-6;
    private const string Prefix = ModelTensors.VisionPrefix;

    private readonly AttentionShape shape = new(config.Heads, config.Heads, config.Hidden / config.Heads);

    /// <summary>Features of the patches [N, patch length] of images with these grids.</summary>
    public VisionFeatures Forward(Tensor patches, IReadOnlyList<ImageGrid> grids, Observer? observe)
    {
        Tensor hidden = Embed(patches, grids, observe);
        RotaryTables angles = RotaryTables.ForVision(grids, config, patches.device);
        AttentionLayout frames = AttentionLayout.OfLengths(grids.SelectMany(grid => Enumerable.Repeat(grid.H * grid.W, grid.T)), causal: false);
        List<Tensor> deepStack = [];
        for (int i = 0; i < config.Depth; i++)
        {
            string name = $"{Prefix}blocks.{i}.";
            hidden = operations.Recomputed(hidden, angles.Both, (x, both) => Block(x, name, frames, RotaryTables.Of(both)));
            observe?.Invoke($"vision.block.{i}", hidden);
            for (int k = 0; k < config.DeepstackIndexes.Count; k++)
            {
                if (config.DeepstackIndexes[k] == i)
                {
                    deepStack.Add(Merge(hidden, $"{Prefix}deepstack_merger_list.{k}.", normAfterGrouping: true));
                    observe?.Invoke($"vision.deepstack.{k}", deepStack[^1]);
                }
            }
        }

        Tensor merged = Merge(hidden, $"{Prefix}merger.", normAfterGrouping: false);
        observe?.Invoke("vision.merged", merged);
        return new(merged, deepStack);
    }

    private Tensor Embed(Tensor patches, IReadOnlyList<ImageGrid> grids, Observer? observe)
    {
        // A patch row is one window of the convolution in its own order, so the convolution is a product.
        Tensor weight = parameters[$"{Prefix}patch_embed.proj.weight"].view(config.Hidden, -1);
        Tensor embedded = operations.Linear(operations.Cast(patches), weight, parameters[$"{Prefix}patch_embed.proj.bias"]);
        observe?.Invoke("vision.patch_embed", embedded);
        Tensor hidden = embedded.Plus(operations.Gather(parameters[$"{Prefix}pos_embed.weight"], PositionGrid.Interpolate(grids, config)));
        observe?.Invoke("vision.embedded", hidden);
        return hidden;
    }

    private Tensor Block(Tensor x, string name, AttentionLayout frames, RotaryTables angles)
    {
        // What autograd keeps it holds by itself; everything else goes with the block.
        using DisposeScope scope = NewDisposeScope();
        Tensor attended = Attention(Norm(x, $"{name}norm1"), $"{name}attn.", frames, angles);
        Tensor middle = x.Plus(attended);
        Tensor inner = Linear(Norm(middle, $"{name}norm2"), $"{name}mlp.linear_fc1");
        return middle.Plus(Linear(GeluTanh(inner), $"{name}mlp.linear_fc2")).MoveToOuterDisposeScope();
    }

    private Tensor Attention(Tensor x, string name, AttentionLayout frames, RotaryTables angles)
    {
        Tensor[] parts = Linear(x, $"{name}qkv").chunk(3, dim: 1);
        Tensor query = Rotate(parts[0], angles), key = Rotate(parts[1], angles);
        return Linear(operations.Attention(query, key, parts[2].contiguous(), frames, shape), $"{name}proj");
    }

    private Tensor Rotate(Tensor x, RotaryTables angles) =>
        PlainOperations.Rope(x.reshape(x.shape[0], config.Heads, -1), angles.Cos, angles.Sin).reshape(x.shape);

    /// <summary>Groups the patches of a merge × merge block into one token and projects it to the decoder's width.</summary>
    private Tensor Merge(Tensor hidden, string name, bool normAfterGrouping)
    {
        long grouped = (long)config.Hidden * config.SpatialMergeSize * config.SpatialMergeSize;
        Tensor tokens = normAfterGrouping ? Norm(hidden.view(-1, grouped), $"{name}norm") : Norm(hidden, $"{name}norm").view(-1, grouped);
        return Linear(nn.functional.gelu(Linear(tokens, $"{name}linear_fc1")), $"{name}linear_fc2");
    }

    private Tensor Linear(Tensor x, string name) => projections.Affine(x, name);

    private Tensor Norm(Tensor x, string name) =>
        nn.functional.layer_norm(x, [x.shape[^1]], operations.Cast(parameters[$"{name}.weight"]), operations.Cast(parameters[$"{name}.bias"]), NormEpsilon);

    private static Tensor GeluTanh(Tensor x)
    {
        Tensor inner = x.Plus((x * x * x).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI));
        return x.Times(0.5) * inner.tanh().Plus(1);
    }
}
