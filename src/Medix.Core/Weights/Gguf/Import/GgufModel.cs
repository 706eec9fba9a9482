using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Gguf.Import;

/// <summary>
/// A Qwen3 or Qwen3-VL model in GGUF files, as if it were a published checkpoint: its shape, its tokenizer and its parameters by canonical name
/// (<see cref="ModelTensors"/>). The language model is one file or any part of a split one; the vision tower is in an mmproj file of its own, without which the model
/// reads text only. At open, every tensor the metadata call for is there with the right shape in a kind that can be read, and there is no other: what is not known
/// here would change the answers. Values are widened from the mapped files when they are asked for; reads may be concurrent.
/// </summary>
public sealed class GgufModel : IDisposable
{
    private readonly Dictionary<string, GgufSource> _sources;
    private readonly Lazy<Tokenizer> _tokenizer;

    private GgufModel(Qwen3VLConfig config, GgufParts text, GgufParts? vision)
    {
        Config = config;
        Text = text;
        Vision = vision;
        _sources = GgufSource.Find(config, text, vision);
        _tokenizer = new(() => new Tokenizer(GgufTokenizerReader.Read(text.Metadata), text.Path));
    }

    /// <summary>
    /// The model's shape. Without an mmproj file it is a text-only Qwen3's with one-dimensional rotary positions, which are those of Qwen3-VL for text: the three
    /// axes are equal there, and a vision tower whose weights are elsewhere could not be called.
    /// </summary>
    public Qwen3VLConfig Config { get; }

    /// <summary>The language model's files.</summary>
    public GgufParts Text { get; }

    /// <summary>The vision tower's file, or null.</summary>
    public GgufParts? Vision { get; }

    /// <summary>The chat template in Jinja that the file carries, or null.</summary>
    public string? ChatTemplate => Text.Metadata.Has(GgufTokenizerReader.ChatTemplate) ? Text.Metadata.Text(GgufTokenizerReader.ChatTemplate) : null;

    /// <summary>The tokenizer, made at the first use.</summary>
    /// <exception cref="MedixException">It is of a kind that is not known, or contradicts itself.</exception>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Opens the language model and, where <paramref name="mmproj"/> names its file, the vision tower.</summary>
    /// <exception cref="MedixException">A file is broken, of another architecture, or not of the other's model; the message names what it found.</exception>
    public static GgufModel Open(string path, string? mmproj = null)
    {
        GgufParts text = GgufParts.Open(path);
        GgufParts? vision = null;
        try
        {
            vision = mmproj is null ? null : GgufParts.Open(mmproj);
            return new GgufModel(GgufConfigReader.Read(text, vision), text, vision);
        }
        catch
        {
            text.Dispose();
            vision?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Part of a parameter's values in the published layout, from value number <paramref name="start"/> on, row-major. The experts' matrices are turned round for
    /// it: ask for whole experts, or take them <see cref="ReadFloat32AsHeld">as they are held</see>. Once the last value of a parameter has been read, the system
    /// may take its pages back.
    /// </summary>
    /// <exception cref="MedixException">There is no parameter of this name.</exception>
    public void ReadFloat32(string name, long start, Span<float> values) => Read(name, start, values, published: true);

    /// <summary>The same with the experts' matrices as GGUF holds them, [experts, out, in] (<see cref="ExpectedTensor.OtherShape"/>), which costs no turning.</summary>
    public void ReadFloat32AsHeld(string name, long start, Span<float> values) => Read(name, start, values, published: false);

    /// <summary>Lets the system take the pages of what was read of a parameter back before its end; reading it again is allowed.</summary>
    public void Release(string name) => Find(name).Release();

    /// <summary>Unmaps all files.</summary>
    public void Dispose()
    {
        Text.Dispose();
        Vision?.Dispose();
    }

    private void Read(string name, long start, Span<float> values, bool published)
    {
        GgufSource source = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, source.Count - values.Length);
        if (published)
        {
            source.Read(start, values);
        }
        else
        {
            source.ReadAsHeld(start, values);
        }

        if (start + values.Length == source.Count)
        {
            source.Release();
        }
    }

    private GgufSource Find(string name) => _sources.TryGetValue(name, out GgufSource? found)
        ? found
        : throw new MedixException($"{Text.Path}: there is no parameter '{name}' among its {_sources.Count}. Are the names those of a published checkpoint?");
}
