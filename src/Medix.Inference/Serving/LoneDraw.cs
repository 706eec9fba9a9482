using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Serving;

/// <summary>
/// Steps of a draw that has the model to itself, by tokens guessed from its own text (<see cref="PromptLookup"/>): rows that another draw would need anyway are free then,
/// since a pass waits for the weights. When another draw is the lone one, what was learned about how often guesses are right begins anew; what they cost is kept.
/// </summary>
internal sealed class LoneDraw(Qwen3VLModel model, PromptLookupOptions options, TokenSampler sampler)
{
    private readonly PromptLookup lookup = new(options);
    private readonly SpeculativeStep step = new(model, new Verifier(sampler, null, model.Config.Text.VocabularySize), options.MostTokens, 1);
    private readonly LearnedGuessCost? learned = options.Cost is null ? new LearnedGuessCost(LearnedGuessCost.PriorOf(model.Decoder)) : null;
    private DrawText? text;

    /// <summary>What guesses are taken to cost.</summary>
    public GuessCost Cost => lookup.Cost;

    /// <summary>Makes room for draws that see <paramref name="mostPositions"/> positions.</summary>
    public void RequirePositions(int mostPositions) => step.RequirePositions(mostPositions);

    /// <summary>Tokens that are worth guessing now: 0 where an ordinary step does as well.</summary>
    public int Guess(LiveDraw draw)
    {
        if (text?.Draw != draw)
        {
            lookup.End();
            text = new DrawText(draw);
        }

        lookup.Cost = learned?.Cost ?? lookup.Cost;
        return step.Guess(lookup, text);
    }

    /// <summary>The step with those guesses; how many of them were right.</summary>
    public int Run(LiveDraw draw) => step.Run(draw);

    /// <summary>Learns what guesses cost from a pass over a lone draw that had so many and took so long.</summary>
    public void Learn(int guessed, TimeSpan time) => learned?.Learn(guessed, time);

    /// <summary>Lets go of the last draw.</summary>
    public void Forget() => text = null;
}
