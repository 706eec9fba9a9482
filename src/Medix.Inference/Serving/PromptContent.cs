using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Serving;

/// <summary>An image of a prompt: where its placeholders begin, how many there are, and where its patches begin among the prompt's.</summary>
internal readonly record struct PromptImage(ContentHash Hash, ImageGrid Grid, int FirstToken, int Rows, int FirstPatchValue, int PatchValues)
{
    public int EndToken => FirstToken + Rows;
}

/// <summary>
/// What a prompt's keys and values depend on: tokens, rotary positions and images. Each full page of them has a digest of its own content and of all before, so that
/// prompts that begin alike have the same first digests (after the prefix caches of vLLM and SGLang, arXiv 2309.06180, 2312.07104).
/// </summary>
internal sealed class PromptContent
{
    private const int Words = 8;
    private const int WordsPerToken = 5;

    /// <summary>Reads an input that has been checked against the model.</summary>
    public PromptContent(ModelInput input, Qwen3VLConfig config)
    {
        Tokens = input.Tokens;
        Patches = input.Patches;
        Positions = RopePositions.Compute(input.Tokens, input.Grids, config);
        Images = FindImages(input, config);
        Pages = Chain(Tokens, Positions, []);
    }

    public int[] Tokens { get; }

    public float[] Patches { get; }

    public RopeIndex Positions { get; }

    public IReadOnlyList<PromptImage> Images { get; }

    /// <summary>The digests of the prompt's full pages.</summary>
    public ContentHash[] Pages { get; }

    /// <summary>The digests of the full pages of prompt and completion, the first <paramref name="generated"/> tokens of which have keys and values.</summary>
    public ContentHash[] PagesWith(ReadOnlySpan<int> generated)
    {
        int next = Tokens.Length + Positions.Delta;
        int[] positions = [.. Enumerable.Range(next, generated.Length)];
        RopeIndex longer = new([.. Positions.T, .. positions], [.. Positions.H, .. positions], [.. Positions.W, .. positions], Positions.Delta);
        return Chain([.. Tokens, .. generated], longer, Pages);
    }

    private static PromptImage[] FindImages(ModelInput input, Qwen3VLConfig config)
    {
        PromptImage[] images = new PromptImage[input.Grids.Count];
        int token = 0, value = 0;
        for (int i = 0; i < images.Length; i++)
        {
            VisionConfig vision = config.Vision!;
            ImageGrid grid = input.Grids[i];
            int values = grid.Patches * vision.PatchLength, rows = grid.Patches / (vision.SpatialMergeSize * vision.SpatialMergeSize);
            token += input.Tokens.AsSpan(token).IndexOfAny(config.ImageTokenId, config.VideoTokenId);
            ReadOnlySpan<int> shape = [grid.T, grid.H, grid.W, 0, 0, 0, 0, 0, 0, 0, 0];
            int[] named = shape.ToArray();
            ContentHash.Of<float>(input.Patches.AsSpan(value, values)).CopyTo(named.AsSpan(3));
            images[i] = new PromptImage(ContentHash.Of<int>(named), grid, token, rows, value, values);
            token += rows;
            value += values;
        }

        return images;
    }

    private ContentHash[] Chain(int[] tokens, RopeIndex positions, ContentHash[] known)
    {
        ContentHash[] pages = new ContentHash[tokens.Length / KvPages.Positions];
        known.CopyTo(pages, 0);
        List<int> words = [];
        for (int page = known.Length; page < pages.Length; page++)
        {
            words.Clear();
            Append(words, page == 0 ? default : pages[page - 1]);
            int first = page * KvPages.Positions;
            for (int i = first; i < first + KvPages.Positions; i++)
            {
                words.AddRange(tokens[i], positions.T[i], positions.H[i], positions.W[i], -1);
            }

            AppendImages(words, first);
            pages[page] = ContentHash.Of<int>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(words));
        }

        return pages;
    }

    /// <summary>Which row of which image stands where: the row within the image at each token, and the images in order.</summary>
    private void AppendImages(List<int> words, int first)
    {
        foreach (PromptImage image in Images)
        {
            int from = Math.Max(first, image.FirstToken), to = Math.Min(first + KvPages.Positions, image.EndToken);
            for (int i = from; i < to; i++)
            {
                words[Words + ((i - first) * WordsPerToken) + WordsPerToken - 1] = i - image.FirstToken;
            }

            if (from < to)
            {
                Append(words, image.Hash);
            }
        }
    }

    private static void Append(List<int> words, ContentHash hash)
    {
        Span<int> digest = stackalloc int[Words];
        hash.CopyTo(digest);
        words.AddRange(digest);
    }
}
