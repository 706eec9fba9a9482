using System.Reflection;
using System.Text;
using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Imaging;
using Medix.Inference.Packed;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Quantising;

/// <summary>
/// What a quantiser shows to a model: <paramref name="Learn"/> to see which inputs of each matrix are large, <paramref name="Measure"/>, of other texts and pictures, to
/// compare the model before and after.
/// </summary>
public sealed record CalibrationSet(string Name, IReadOnlyList<ModelInput> Learn, IReadOnlyList<ModelInput> Measure)
{
    /// <summary>The set that comes with Medix: some medical prose, and phantoms with question and answer, with their pictures where the model sees.</summary>
    public const string BuiltIn = "built-in";

    private const int LearnTokens = 640;
    private const int MeasureTokens = 320;
    private const int InputTokens = 128;
    private const int LeastTokens = 64;
    private const int LearnPhantoms = 6;
    private const int MeasurePhantoms = 3;
    private const ulong PhantomSeed = 2602;

    /// <summary>The built-in set, or a text file's first part to learn and the next to measure.</summary>
    /// <exception cref="MedixException">The model has no tokenizer, or the file cannot be read or is too short.</exception>
    public static CalibrationSet Load(string nameOrFile, LoadedModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Tokenizer tokenizer = model.RequireTokenizer();
        if (nameOrFile != BuiltIn)
        {
            return OfFile(nameOrFile, tokenizer);
        }

        using Stream resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("quantising/calibration.txt")!;
        using StreamReader reader = new(resource);
        string[] halves = reader.ReadToEnd().Split("\n---\n");
        IEnumerable<ModelInput> Part(string text, int most, PhantomSplit split, int phantoms) =>
            [.. Inputs(tokenizer.EncodePlain(text), most), .. Phantoms(model, split, phantoms)];
        return new CalibrationSet(
            BuiltIn, [.. Part(halves[0], LearnTokens, PhantomSplit.Train, LearnPhantoms)], [.. Part(halves[1], MeasureTokens, PhantomSplit.HeldOut, MeasurePhantoms)]);
    }

    /// <summary>Tokens of all inputs.</summary>
    public static int Tokens(IEnumerable<ModelInput> inputs) => inputs.Sum(input => input.Tokens.Length);

    /// <summary>A calibration file's text.</summary>
    /// <exception cref="MedixException">It cannot be read, or is no text in UTF-8.</exception>
    internal static string ReadText(string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException fault)
        {
            throw new MedixException($"--calibration: '{path}' is no text in UTF-8 ({fault.Message.TrimEnd('.')}). Name a text file, `{BuiltIn}`, or `none`.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException(
                $"--calibration: '{path}' cannot be read ({fault.Message.TrimEnd('.')}). Name a text file, `{BuiltIn}`, or `none` to leave calibration out.", fault);
        }
    }

    private static CalibrationSet OfFile(string path, Tokenizer tokenizer)
    {
        int[] tokens = tokenizer.EncodePlain(ReadText(path));
        if (tokens.Length < LeastTokens)
        {
            throw new MedixException($"--calibration: {path} has {tokens.Length} tokens, expected at least {LeastTokens}, of which two thirds are learned from. Give a "
                + $"longer text.");
        }

        int learn = Math.Min(LearnTokens, tokens.Length * 2 / 3);
        return new CalibrationSet(Path.GetFileName(path), [.. Inputs(tokens[..learn], learn)], [.. Inputs(tokens[learn..], MeasureTokens)]);
    }

    private static IEnumerable<ModelInput> Inputs(int[] tokens, int most) =>
        tokens.Take(most).Chunk(InputTokens).Where(chunk => chunk.Length > 1).Select(chunk => new ModelInput(chunk, [], []));

    /// <summary>Dialogues: the question, with its picture where the model sees, and the reference answer in the layout that MediX-R1 trains.</summary>
    private static IEnumerable<ModelInput> Phantoms(LoadedModel model, PhantomSplit split, int count)
    {
        PhantomSource source = new(PhantomSeed, count, split);
        bool sees = model.Model.Config.Vision is not null;
        for (int i = 0; i < count; i++)
        {
            Sample sample = source.SampleAt(i);
            string answer = $"<{sample.Modality}><thinking>{source.ReasoningOf(sample.Id)}</thinking><answer>{sample.Reference}</answer>";
            PromptMessage question = sees ? sample.Messages[0] : PromptMessage.FromText("user", sample.Question);
            RgbImage[] images = sees ? [.. sample.Images.Select(image => ImageDecoding.Decode(image.Bytes, image.Name, new ImageLimits()))] : [];
            yield return model.RequirePrompts().Build([question, PromptMessage.FromText("assistant", answer)], images);
        }
    }
}
