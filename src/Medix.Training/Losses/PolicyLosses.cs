using Medix.Runs;

namespace Medix.Training.Losses;

/// <summary>The losses a recipe can name. A new one is a class and a row here.</summary>
public static class PolicyLosses
{
    private static readonly Dictionary<string, Func<ClipRange, IPolicyLoss>> Table = new()
    {
        ["clipped"] = clip => new ClippedLoss(clip),
        ["gspo"] = clip => new GspoLoss(clip),
        ["gspo_token"] = clip => new GspoTokenLoss(clip),
        ["cispo"] = clip => new CispoLoss(clip),
    };

    /// <summary>The known names.</summary>
    public static IReadOnlyCollection<string> Names => Table.Keys;

    /// <summary>The loss of that name with that clip range.</summary>
    /// <exception cref="MedixException">There is none; the message lists the known ones.</exception>
    public static IPolicyLoss Create(string name, ClipRange clip) => Table.TryGetValue(name, out Func<ClipRange, IPolicyLoss>? create)
        ? create(clip)
        : throw new MedixException($"There is no policy loss '{name}'. Known ones: {string.Join(", ", Names)}.");
}
