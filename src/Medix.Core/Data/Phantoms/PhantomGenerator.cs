using Medix.Imaging;
using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>
/// Seeded synthetic medical pictures with known findings for all 16 modality tags. The same seed, index and options give the same bytes on every machine.
/// They teach a model to look and to answer in form; they are drawings, not patients, and say nothing about clinical performance.
/// </summary>
public static class PhantomGenerator
{
    private const ulong PlanStream = 1, WordStream = 2, AnatomyStream = 3, DetailStream = 4, NoiseStream = 5, OrderStream = 6;

    private static readonly Dictionary<string, PhantomPainter> Painters = new PhantomPainter[]
    {
        new ChestRadiograph(), new AbdominalCt(), new BrainMri(), new AbdominalUltrasound(), new FundusPhotograph(), new RetinalOct(),
        new TissueSection(), new EndoscopicView(), new BodyPet(), new CardiacSpect(), new VesselAngiogram(), new Mammogram(),
        new SwallowFluoroscopy(), new SkinPhotograph(), new EcgTrace(), new FootThermogram(),
    }.ToDictionary(painter => painter.Spec.Tag);

    /// <summary>All words and findings of the modalities, for the vocabulary.</summary>
    internal static IEnumerable<PhantomSpec> Specs => Painters.Values.Select(painter => painter.Spec);

    /// <summary>The example at an index of a seed's endless sequence. Throws <see cref="MedixException"/> where the options cannot be used.</summary>
    public static PhantomExample Create(ulong seed, int index, PhantomOptions options)
    {
        PhantomPlan plan = PlanOf(seed, index, options);
        PhantomText text = PhantomLanguage.Describe(plan, Seed.Random(seed, WordStream, (ulong)index));
        RgbImage image = Paint(plan, plan.Marks, Seed.Derive(seed, (ulong)index), options.Size);
        return new PhantomExample(
            image, text.Modality, text.Question, text.Answer, text.Reasoning, text.Kind, [.. plan.Marks.Select(mark => Finding(plan, mark))],
            PhantomLanguage.Laterality(plan));
    }

    /// <summary>The words of the example at an index, without painting it.</summary>
    public static PhantomText Describe(ulong seed, int index, PhantomOptions options) =>
        PhantomLanguage.Describe(PlanOf(seed, index, options), Seed.Random(seed, WordStream, (ulong)index));

    /// <summary>The same picture as <see cref="Create"/> gives, without its findings.</summary>
    internal static RgbImage CreateWithoutFindings(ulong seed, int index, PhantomOptions options) =>
        Paint(PlanOf(seed, index, options), [], Seed.Derive(seed, (ulong)index), options.Size);

    private static PhantomPlan PlanOf(ulong seed, int index, PhantomOptions options)
    {
        options.Validate();
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SeededRandom random = Seed.Random(seed, PlanStream, (ulong)index);
        QuestionKind kind = random.Pick(options.Questions);
        return PhantomPlan.Draw(Painters[TagAt(seed, index, options.Tags)].Spec, kind, options.NormalShare, random);
    }

    /// <summary>Every block of as many examples as there are tags holds each once, in an order of its own.</summary>
    private static string TagAt(ulong seed, int index, IReadOnlyList<string> tags)
    {
        string[] block = [.. tags];
        Seed.Random(seed, OrderStream, (ulong)(index / block.Length)).Shuffle(block.AsSpan());
        return block[index % block.Length];
    }

    private static RgbImage Paint(PhantomPlan plan, IReadOnlyList<Mark> marks, ulong seed, int size)
    {
        PhantomPainter painter = Painters[plan.Spec.Tag];
        Canvas canvas = new(size, plan.Frame, painter.Colour);
        painter.Paint(new PhantomScene(
            canvas, marks, Seed.Random(seed, AnatomyStream), Seed.Random(seed, DetailStream), Seed.Random(seed, NoiseStream)));
        return canvas.ToImage(painter.Palette);
    }

    private static PhantomFinding Finding(PhantomPlan plan, Mark mark) => new(
        mark.Type.Name, mark.Site.Region, PhantomLanguage.Word(mark.Site.Side), PhantomLanguage.SizeOf(plan.Spec, mark),
        plan.Frame.ToPictureX(mark.X), plan.Frame.ToPictureY(mark.Y), mark.RadiusX * plan.Frame.ScaleX, mark.RadiusY * plan.Frame.ScaleY);
}
