using System.Globalization;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Creation;

namespace Medix.Benchmarks.Inference;

/// <summary>
/// A model of any shape that always continues token t with t + 1: its attention and MLPs compute all their products but add nothing, and the head's row of a token is the
/// embedding of the one before it. Embedding and head are two matrices here, also where the shape shares them; a token reads the same bytes.
/// </summary>
internal static class CountingModel
{
    private const int TableValues = 1 << 20;

    /// <summary>The shapes of other benchmarks, a wider one whose weights do not fit the caches, or a published one.</summary>
    public static Qwen3VLConfig? Find(string name) => name switch
    {
        "5m" => BenchmarkModels.Decoder,
        "nano" => BenchmarkModels.Nano,
        "wide" => BenchmarkModels.Decoder with { Text = new TextConfig(2000, 1024, 4, 16, 8, 64, 3072, 1e-6, 5_000_000, null, 4096, true) },
        _ => ModelPresets.Find(name),
    };

    /// <summary>
    /// What <c>[5m|nano|wide|PRESET] [storage] [rounds]</c> ask for, told in a line: the model and the rounds; or null after a line on how to ask.
    /// </summary>
    public static (Qwen3VLModel Model, int Rounds)? Of(string verb, string[] args)
    {
        string shape = args.Length > 0 ? args[0] : "5m";
        int rounds = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 5;
        if (Find(shape) is not { } config || !Enum.TryParse(args.Length > 1 ? args[1] : "Fp32", true, out WeightStorage storage))
        {
            Console.Error.WriteLine($"Usage: Medix.Benchmarks {verb} [5m|nano|wide|{string.Join('|', ModelPresets.Names)}] [fp32|bf16|q8|q4|q4k] [rounds]");
            return null;
        }

        Qwen3VLModel model = Create(config, storage);
        Console.WriteLine($"{shape}, {storage}, {model.Pool.Threads} threads, {rounds} interleaved rounds after 1 of warm-up; {model.BytesPerToken / 1e6:N1} MB read per token");
        return (model, rounds);
    }

    /// <summary>The model, on the shared pool.</summary>
    public static Qwen3VLModel Create(Qwen3VLConfig config, WeightStorage storage)
    {
        config = config with { Text = config.Text with { TieWordEmbeddings = false }, EosTokenIds = [] };
        Dictionary<string, ExpectedTensor> tensors = ModelTensors.Of(config).ToDictionary(tensor => tensor.Name);
        SeededRandom random = Seed.Random(1);
        float[] table = [.. Enumerable.Range(0, TableValues).Select(_ => (float)random.NextNormal())];
        int vocabulary = config.Text.VocabularySize;
        return Qwen3VLModel.FromReader(config, StoragePlan.For(storage), (name, start, values) =>
        {
            int[] shape = [.. tensors[name].Shape.Select(side => (int)side)];
            if (shape.Length == 1)
            {
                values.Fill(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
                return;
            }

            bool silent = name.Contains("o_proj", StringComparison.Ordinal) || name.Contains("down_proj", StringComparison.Ordinal);
            bool head = name == "lm_head.weight";
            float scale = silent ? 0 : name.Contains("embed_tokens", StringComparison.Ordinal) ? 1 : 1 / MathF.Sqrt(shape[^1]);
            for (int i = 0; i < values.Length; i++)
            {
                (long row, long column) = Math.DivRem(start + i, shape[^1]);
                long owner = head ? (row + vocabulary - 1) % vocabulary : row;
                values[i] = scale * table[((owner * 7919) + column) % TableValues];
            }
        });
    }

    /// <summary>
    /// A prompt that ends with token 1, so that the answer is 2, 3, 4, … Of the answer, cut into passages of <paramref name="run"/> tokens, <paramref name="share"/> is in the
    /// prompt, in another order; the rest of the prompt is tokens that the answer does not hold.
    /// </summary>
    public static ModelInput Prompt(Qwen3VLConfig config, int length, int answer, double share, int run)
    {
        SeededRandom random = Seed.Random(2);
        int[] passages = [.. Enumerable.Range(0, answer / run)];
        random.Shuffle(passages.AsSpan());
        int first = answer + 10, end = Math.Min(config.Text.VocabularySize, 1900);
        List<int> tokens = [];
        foreach (int passage in passages[..(int)Math.Round(share * passages.Length)])
        {
            tokens.AddRange(Enumerable.Range(2 + (passage * run), run));
            tokens.Add(random.NextInt(first, end));
        }

        while (tokens.Count < length - 1)
        {
            tokens.Insert(0, random.NextInt(first, end));
        }

        return new ModelInput([.. tokens, 1], [], []);
    }
}
