using Medix.Training.Modules;
using Medix.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// The model's linear layers by their weight's name: the base's product, and the low-rank change where the weight has an adapter (arXiv 2106.09685), with
/// DoRA's row lengths on top (arXiv 2402.09353; the norm they are divided by is taken as a constant, as in the paper's section 4.3).
/// </summary>
internal sealed class Projections(ParameterStore parameters, Operations operations, AdapterTerms adapters)
{
    /// <summary>x·Wᵀ for several weights of one input.</summary>
    public IReadOnlyList<Tensor> Of(Tensor x, params string[] names) => names.Any(name => adapters[name] is not null)
        ? [.. names.Select(name => One(x, name))]
        : operations.Linears(x, [.. names.Select(name => parameters[name])]);

    /// <summary>x·Wᵀ + bias.</summary>
    public Tensor Affine(Tensor x, string name)
    {
        Tensor product = Of(x, $"{name}.weight")[0];
        return product.Plus(operations.Cast(parameters[$"{name}.bias"]));
    }

    /// <summary>residual + x·Wᵀ.</summary>
    public Tensor Add(Tensor residual, Tensor x, string name) => adapters[name] switch
    {
        null => operations.AddLinear(residual, x, parameters[name]),
        { Magnitude: null } term => operations.AdaptedLinear(residual, x, parameters[name], term.A, term.B, term.Scale),
        _ => residual.Plus(One(x, name)),
    };

    /// <summary>
    /// What the head multiplies, and with what: hidden and weight, or, for an adapted head, both with the low-rank part beside them, so that one product gives the sum.
    /// </summary>
    public HeadOperands Head(Tensor hidden, string name)
    {
        if (adapters[name] is not { } term)
        {
            return new(hidden, parameters[name]);
        }

        Tensor low = operations.Linear(hidden, term.A).Times(term.Scale);
        Tensor weight = cat([parameters[name].to_type(hidden.dtype), operations.Cast(term.B)], dim: 1);
        weight = term.Magnitude is null ? weight : weight * Lengthening(term).unsqueeze(1).to_type(hidden.dtype);
        return new(cat([hidden, low], dim: 1), weight);
    }

    private Tensor One(Tensor x, string name)
    {
        if (adapters[name] is not { } term)
        {
            return operations.Linear(x, parameters[name]);
        }

        Tensor changed = operations.AdaptedLinear(null, x, parameters[name], term.A, term.B, term.Scale);
        return term.Magnitude is null ? changed : changed * operations.Cast(Lengthening(term));
    }

    /// <summary>What each row of W + ΔW is multiplied by to have its learned length.</summary>
    private Tensor Lengthening(AdapterTerm term)
    {
        Tensor lengths;
        using (no_grad())
        {
            Tensor changed = parameters[term.Target.Parameter].to_type(ScalarType.Float32).Plus(term.B.mm(term.A).Times(term.Scale));
            lengths = AdapterTerms.RowLengths(changed);
        }

        return term.Magnitude! / lengths;
    }
}

/// <summary>The two factors of the output head's product, [tokens, k] and [vocabulary, k].</summary>
internal readonly record struct HeadOperands(Tensor Hidden, Tensor Weight);
