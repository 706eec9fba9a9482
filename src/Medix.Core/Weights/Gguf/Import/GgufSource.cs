using Medix.Runs;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Import;

/// <summary>
/// One parameter and the GGUF tensors it is made of. Several take turns of <c>run</c> values: the frames of the patch embedding row by row of P·P, gate and up of
/// the experts expert by expert.
/// </summary>
internal sealed class GgufSource
{
    private readonly GgufParts _parts;
    private readonly IReadOnlyList<string> _names;
    private readonly long _run;
    private readonly int _expert;
    private readonly int _outputs;

    private GgufSource(GgufParts parts, ExpectedTensor tensor, IReadOnlyList<string> names)
    {
        _parts = parts;
        _names = names;
        long[] piece = PieceOf(tensor, names.Count);
        Array.ForEach([.. names], name => Require(name, piece));
        Count = tensor.Shape.Aggregate(1L, (product, side) => product * side);
        _run = names.Count == 1 ? Count : piece[^1] * piece[^2];
        if (tensor.OtherShape is { } held)
        {
            _outputs = (int)held[1];
            _expert = held[1] * held[2] <= Array.MaxLength
                ? (int)(held[1] * held[2])
                : throw new MedixException($"{parts.Path}: the matrices of '{names[0]}' are {held[1]} by {held[2]}, more than {Array.MaxLength} values. The model is too large.");
        }
    }

    /// <summary>Number of values.</summary>
    public long Count { get; }

    /// <summary>Finds and checks the tensors of every parameter, by canonical name.</summary>
    /// <exception cref="MedixException">A tensor is missing, has another shape, cannot be read, or belongs to no parameter.</exception>
    public static Dictionary<string, GgufSource> Find(Qwen3VLConfig config, GgufParts text, GgufParts? vision)
    {
        Dictionary<string, GgufSource> sources = new(StringComparer.Ordinal);
        HashSet<string> used = new(StringComparer.Ordinal);
        IReadOnlyList<int> deepstack = config.Vision?.DeepstackIndexes ?? [];
        foreach (ExpectedTensor tensor in ModelTensors.Of(config))
        {
            IReadOnlyList<string> names = GgufTensorNames.Of(tensor.Name, deepstack);
            sources.Add(tensor.Name, new(GgufTensorNames.IsVision(tensor.Name) ? vision! : text, tensor, names));
            used.UnionWith(names);
        }

        foreach (GgufParts parts in vision is null ? [text] : (GgufParts[])[text, vision])
        {
            // Names of the two files never coincide, so one set serves both; a tensor in the wrong file is then missing in the right one.
            if (parts.Names.FirstOrDefault(name => !used.Contains(name)) is { } stranger)
            {
                throw new MedixException(
                    $"{parts.Path}: tensor '{stranger}' is no part of {config.Architecture} as it is computed here; leaving it out would change the answers. "
                    + "Use a file of an unchanged Qwen3 or Qwen3-VL model.");
            }
        }

        return sources;
    }

    /// <summary>Values in the published layout.</summary>
    public void Read(long start, Span<float> values)
    {
        if (_expert == 0)
        {
            ReadAsHeld(start, values);
            return;
        }

        float[] held = new float[_expert], turned = values.Length > 0 && (start % _expert != 0 || values.Length % _expert != 0) ? new float[_expert] : [];
        while (values.Length > 0)
        {
            int skip = (int)(start % _expert), take = Math.Min(_expert - skip, values.Length);
            ReadAsHeld(start - skip, held);
            if (take == _expert)
            {
                Turn(held, values[..take]);
            }
            else
            {
                Turn(held, turned);
                turned.AsSpan(skip, take).CopyTo(values);
            }

            start += take;
            values = values[take..];
        }
    }

    /// <summary>Values with the experts' matrices as [out, in].</summary>
    public void ReadAsHeld(long start, Span<float> values)
    {
        while (values.Length > 0)
        {
            long turn = start / _run, within = start % _run;
            int take = (int)Math.Min(_run - within, values.Length);
            _parts.ReadFloat32(_names[(int)(turn % _names.Count)], (turn / _names.Count * _run) + within, values[..take]);
            start += take;
            values = values[take..];
        }
    }

    /// <summary>Lets the system take the pages back.</summary>
    public void Release()
    {
        foreach (string name in _names)
        {
            _parts.Release(name);
        }
    }

    /// <summary>The shape that each GGUF tensor has.</summary>
    private static long[] PieceOf(ExpectedTensor tensor, int pieces) => tensor.OtherShape is { } held
        ? [held[0], held[1] / pieces, held[2]]
        : pieces == 1 ? tensor.Shape : [.. tensor.Shape[..2], .. tensor.Shape[3..]];

    private void Require(string name, long[] shape)
    {
        string expected = $"expected '{name}' {TensorInfo.ShapeToText(shape)}, as the metadata say";
        if (!_parts.Contains(name))
        {
            throw new MedixException($"{_parts.Path}: there is no tensor '{name}'; {expected}. Fetch or convert the file again.");
        }

        GgufTensor found = _parts.Tensor(name);
        if (!found.Format.CanRead)
        {
            throw BlockFormat.Unreadable($"{_parts.Path}: tensor '{name}' is {found.Format.Name}");
        }

        if (!found.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new MedixException($"{_parts.Path}: tensor '{name}' has shape {found.ShapeText}; {expected}. Fetch or convert the file again.");
        }
    }

    /// <summary>One expert's [out, in] as [in, out], in blocks that stay in the cache.</summary>
    private void Turn(ReadOnlySpan<float> held, Span<float> published)
    {
        const int block = 16;
        int inputs = _expert / _outputs;
        for (int o = 0; o < _outputs; o += block)
        {
            for (int i = 0; i < inputs; i++)
            {
                for (int j = o; j < Math.Min(o + block, _outputs); j++)
                {
                    published[(i * _outputs) + j] = held[(j * inputs) + i];
                }
            }
        }
    }
}
