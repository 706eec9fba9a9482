using System.Globalization;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Export;

/// <summary>Which format each tensor of a file gets, by the rules of llama.cpp's converter or, for the mixed kinds, of its <c>llama-quantize</c>.</summary>
internal sealed class FormatRules
{
    // Eight experts are few enough that better attention matrices cost nothing.
    private const int FewExperts = 8;
    private const int FirstLayers = 4;
    private const int LargestBlock = 256;

    private readonly GgufExportType _type;
    private readonly int _layers;
    private readonly int _experts;
    private readonly bool _tied;

    /// <summary>The rules for a language model; for a vision tower <paramref name="text"/> does not matter.</summary>
    public FormatRules(GgufExportType type, TextConfig text)
    {
        _type = type;
        _layers = text.Layers;
        _experts = text.Experts ?? 0;
        _tied = text.TieWordEmbeddings;
    }

    /// <summary>The format of a tensor of this row-major shape.</summary>
    public BlockFormat Of(string name, ReadOnlySpan<long> shape)
    {
        if (KeepsSinglePrecision(name, shape.Length))
        {
            return BlockFormats.F32;
        }

        if (name.StartsWith("v.patch_embd.weight", StringComparison.Ordinal))
        {
            return _type.Format == BlockFormats.F16 ? BlockFormats.F16 : BlockFormats.F32;
        }

        return _type.ByQuantizer ? Fitting(Mixed(name, shape[^1]), shape[^1]) : Fits(_type.Format, shape[^1]) ? _type.Format : BlockFormats.F16;
    }

    /// <summary>The format that it would have if its rows were whole blocks of any format: another one than <see cref="Of"/> where they are not.</summary>
    public BlockFormat Wanted(string name, ReadOnlySpan<long> shape)
    {
        Span<long> whole = stackalloc long[shape.Length];
        shape.CopyTo(whole);
        whole[^1] = LargestBlock;
        return Of(name, whole);
    }

    /// <summary>Whether a layer is among those that suffer most from few bits: the first and last eighth and every third between.</summary>
    internal static bool NeedsMoreBits(int layer, int layers) => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - (layers / 8)) % 3 == 2;

    private static bool KeepsSinglePrecision(string name, int rank) =>
        rank < 2
        || name.EndsWith("_norm.weight", StringComparison.Ordinal)
        || name.EndsWith(".ffn_gate_inp.weight", StringComparison.Ordinal)
        || name == "v.position_embd.weight"
        || name.EndsWith(".bias", StringComparison.Ordinal);

    private BlockFormat Mixed(string name, long row)
    {
        if (name == GgufTensorNames.Head || (_tied && name == GgufTensorNames.TokenEmbedding))
        {
            return Fits(_type.Format, row) ? BlockFormats.Q6K : BlockFormats.Q80;
        }

        int dot = name.StartsWith("blk.", StringComparison.Ordinal) ? name.IndexOf('.', 4) : -1;
        return dot < 0 ? _type.Format : OfLayer(name[(dot + 1)..], int.Parse(name.AsSpan(4, dot - 4), CultureInfo.InvariantCulture));
    }

    private BlockFormat OfLayer(string leaf, int layer)
    {
        bool few = _experts == FewExperts, medium = _type.Name.EndsWith("_k_m", StringComparison.Ordinal), small = _type.Name == "q4_k_s";
        return leaf switch
        {
            "attn_v.weight" or "attn_k.weight" when few => BlockFormats.Q80,
            "attn_output.weight" when few && _type.Format == BlockFormats.Q4K => BlockFormats.Q5K,
            "attn_v.weight" when small && layer < FirstLayers => BlockFormats.Q5K,
            "ffn_down.weight" or "ffn_down_exps.weight" when small && layer < _layers / 8 => BlockFormats.Q5K,
            "attn_v.weight" or "ffn_down.weight" or "ffn_down_exps.weight" when medium && NeedsMoreBits(layer, _layers) => BlockFormats.Q6K,
            _ => _type.Format,
        };
    }

    /// <summary>The format itself where rows are whole blocks of it, else the nearest with blocks of 32, else half precision.</summary>
    private static BlockFormat Fitting(BlockFormat format, long row)
    {
        BlockFormat second = format.Name switch { "Q4_K" => BlockFormats.Q50, "Q5_K" => BlockFormats.Q51, "Q6_K" => BlockFormats.Q80, _ => format };
        return Fits(format, row) ? format : Fits(second, row) ? second : BlockFormats.F16;
    }

    private static bool Fits(BlockFormat format, long row) => row % format.BlockValues == 0;
}
