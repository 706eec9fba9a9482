using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Measuring;

/// <summary>The matrix products of a picture and its prompt and nothing else: what their time would be if all between them cost nothing.</summary>
internal static unsafe class ModelProducts
{
    /// <summary>Every matrix of the vision tower with its number of rows, every matrix of the decoder's layers, and the head for one token. Experts are left out.</summary>
    public static void Run(Qwen3VLModel model, int patches, int tokens)
    {
        VisionWeights vision = model.Vision!;
        int merged = patches / (model.Config.Vision!.SpatialMergeSize * model.Config.Vision.SpatialMergeSize);
        HashSet<PackedMatrix> mergers = [.. vision.Deepstack.Append(vision.Merger).SelectMany(merger => (PackedMatrix[])[merger.First.Weight, merger.Second.Weight])];
        (PackedMatrix Matrix, int Rows)[] products =
        [
            .. vision.Matrices.Select(matrix => (matrix, mergers.Contains(matrix) ? merged : patches)),
            .. model.Text.Layers.SelectMany(layer => layer.Matrices).Select(matrix => (matrix, tokens)),
            (model.Text.Head, 1),
        ];
        using AlignedMemory a = AlignedMemory.OfFloats(products.Max(product => (long)product.Rows * product.Matrix.K));
        using AlignedMemory c = AlignedMemory.OfFloats(products.Max(product => (long)product.Rows * product.Matrix.N));
        foreach ((PackedMatrix matrix, int rows) in products)
        {
            matrix.Multiply(model.Pool, a.Floats, matrix.K, c.Floats, matrix.N, rows);
        }
    }
}
