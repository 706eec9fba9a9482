namespace Medix.Inference.Generation.Speculation;

/// <summary>A draw's prompt and completion as one run of tokens, which proposers read.</summary>
internal sealed class DrawText(LiveDraw draw)
{
    private readonly int[] tokens = [.. draw.Prompt.Tokens, .. new int[draw.Sampling.Options.MaxNewTokens]];
    private int known;

    public LiveDraw Draw => draw;

    /// <summary>The tokens so far.</summary>
    public ReadOnlySpan<int> Tokens
    {
        get
        {
            int prompt = draw.Prompt.Tokens.Length;
            for (; known < draw.Count; known++)
            {
                tokens[prompt + known] = draw[known].Id;
            }

            return tokens.AsSpan(0, prompt + known);
        }
    }
}
