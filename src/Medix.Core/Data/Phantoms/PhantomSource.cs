using System.Globalization;
using Medix.Runs;
using Medix.Text;

namespace Medix.Data.Phantoms;

/// <summary>The two sequences of a seed: no picture of one is in the other.</summary>
public enum PhantomSplit
{
    /// <summary>For training.</summary>
    Train,

    /// <summary>For measuring.</summary>
    HeldOut,
}

/// <summary>
/// Phantoms as dataset rows and samples. Each is made when asked for, so a source costs no memory whatever its <see cref="Count"/>;
/// asking for the same index again gives the same sample.
/// </summary>
public sealed class PhantomSource
{
    private const string Dataset = "phantoms";

    private readonly PhantomOptions options;
    private readonly string prefix;
    private readonly ulong seed;

    /// <summary>
    /// The first <paramref name="count"/> phantoms of one split of a seed. Throws <see cref="MedixException"/> where the options cannot be used.
    /// </summary>
    public PhantomSource(ulong seed, int count, PhantomSplit split = PhantomSplit.Train, PhantomOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        this.options = options ?? new PhantomOptions();
        this.options.Validate();
        string stream = split == PhantomSplit.Train ? "train" : "held-out";
        (Count, prefix, this.seed) = (count, $"phantom-{stream}-", Seed.Derive(seed, Seed.Of("phantoms/" + stream)));
    }

    /// <summary>The dataset's short name.</summary>
    public string Name { get; } = Dataset;

    /// <summary>How many examples there are.</summary>
    public int Count { get; }

    /// <summary>The example behind a sample, with its findings; <paramref name="index"/> from 0 to <see cref="Count"/> − 1.</summary>
    public PhantomExample ExampleAt(int index) => PhantomGenerator.Create(seed, InRange(index), options);

    /// <summary>
    /// One sample: a PNG picture, a user message of the picture and the question, the reference answer, and a split key of its own (the picture's).
    /// </summary>
    public Sample SampleAt(int index)
    {
        PhantomExample example = ExampleAt(index);
        string id = IdOf(index);
        PromptMessage message = new("user", [new ImagePart(), new TextPart(example.Question)]);
        return new Sample(id, [Encode(id, example)], [message], example.Question, example.Answer, example.Modality, Dataset, SplitKey: id);
    }

    /// <summary>The same as a dataset row: the solution is <c>&lt;MODALITY&gt;</c>, newline, answer.</summary>
    public DatasetRow RowAt(int index)
    {
        PhantomExample example = ExampleAt(index);
        string id = IdOf(index);
        return new DatasetRow(id, [Encode(id, example)], example.Question, $"<{example.Modality}>\n{example.Answer}", Dataset);
    }

    /// <summary>All samples in order, made as they are read.</summary>
    public IEnumerable<Sample> Samples() => Enumerable.Range(0, Count).Select(SampleAt);

    /// <summary>All rows in order, made as they are read.</summary>
    public IEnumerable<DatasetRow> Rows() => Enumerable.Range(0, Count).Select(RowAt);

    /// <summary>
    /// Question, answer and reasoning of a sample of this source by its id, without painting it: the reasoning is the thinking text of a warm start.
    /// Throws <see cref="MedixException"/> where the id is not one of this source.
    /// </summary>
    public PhantomText TextOf(string sampleId)
    {
        bool ours = sampleId.StartsWith(prefix, StringComparison.Ordinal);
        return ours && int.TryParse(sampleId.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < Count
            ? PhantomGenerator.Describe(seed, index, options)
            : throw new MedixException($"'{sampleId}' is not a phantom of this source: ids go from {IdOf(0)} to {IdOf(Math.Max(0, Count - 1))}.");
    }

    /// <summary>The reasoning sentence of a sample of this source.</summary>
    public string ReasoningOf(string sampleId) => TextOf(sampleId).Reasoning;

    /// <summary>All texts in order, without painting the pictures.</summary>
    public IEnumerable<PhantomText> Texts() => Enumerable.Range(0, Count).Select(index => PhantomGenerator.Describe(seed, index, options));

    private static ImageSource Encode(string id, PhantomExample example) => new(id + ".png", PngEncoding.Encode(example.Image));

    private string IdOf(int index) => prefix + index.ToString("D6", CultureInfo.InvariantCulture);

    private int InRange(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index;
    }
}
