using System.Collections;
using Medix.Data;
using Medix.Data.Phantoms;

namespace Medix.Training;

/// <summary>Phantoms as a list of samples that are painted when they are read, so that a large training set costs no memory.</summary>
internal sealed class PhantomSamples(PhantomSource source, PromptTemplate template) : IReadOnlyList<Sample>
{
    public int Count => source.Count;

    public Sample this[int index] => RowToSample.Map(source.RowAt(index), template, check: null, new SkipLog())
        ?? throw new InvalidOperationException($"Phantom {index} has no question or answer.");

    public IEnumerator<Sample> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
