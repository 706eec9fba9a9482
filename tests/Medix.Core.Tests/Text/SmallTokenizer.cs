using Medix.Text;

namespace Medix.Core.Tests.Text;

/// <summary>A tokenizer trained in place, with the control tokens of the templates: for tests that need no shared file.</summary>
internal static class SmallTokenizer
{
    public static readonly AddedToken[] Added =
    [
        .. ((string[])["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"])
            .Select(content => new AddedToken(content)),
        new AddedToken("<think>", Special: false), new AddedToken("</think>", Special: false),
    ];

    public static readonly string[] Texts =
    [
        "The chest radiograph shows a large opacity in the left lower lobe.",
        "Where is the opacity? In the left lower lobe of the left lung.",
        "Le foie est augmenté de taille; Größe 3,5 cm; 左肺上叶见一结节。",
        "How many nodules are there? There are 12 nodules, each 3 mm large.",
    ];

    private static readonly Lazy<Tokenizer> Shared = new(() => BpeTrainer.Train(Texts.Concat(Texts), 380, Added));

    public static Tokenizer Instance => Shared.Value;
}
