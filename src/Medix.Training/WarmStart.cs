using Medix.Data;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training.Learning;
using Medix.Training.Rollouts;
using Medix.Training.Schedules;

namespace Medix.Training;

/// <summary>
/// Supervised fine-tuning on reference answers in the method's format. It stands in for the pre-trained backbone that a real run loads: RL can only
/// strengthen what the policy sometimes does.
/// </summary>
public sealed class WarmStart
{
    private const double MinimumRate = 0.1;
    private const int WarmupDivisor = 20;
    private readonly PolicyLearner learner;
    private readonly SamplePreparer preparer;
    private readonly WarmStartRecipe recipe;
    private readonly ulong seed;
    private readonly IReadOnlyList<(Sample Sample, int[] Response)> lessons;
    private readonly SampleOrder order;
    private readonly LearningRateSchedule schedule;

    /// <summary>
    /// Prepares the lessons: every sample whose modality is known, answered as <c>&lt;TAG&gt;&lt;thinking&gt;…&lt;/thinking&gt;&lt;answer&gt;…&lt;/answer&gt;</c>.
    /// </summary>
    public WarmStart(
        PolicyLearner learner, SamplePreparer preparer, Tokenizer tokenizer, int endToken,
        IEnumerable<Sample> samples, Func<Sample, string> reasoning, WarmStartRecipe recipe, ulong seed)
    {
        this.learner = learner;
        this.preparer = preparer;
        this.recipe = recipe;
        this.seed = seed;
        lessons = [.. samples.Where(s => s.Modality is not null).Select(s => (s, (int[])[.. tokenizer.EncodePlain(Target(s, reasoning(s))), endToken]))];
        if (lessons.Count == 0)
        {
            throw new MedixException("The warm start has nothing to learn from: no training sample has a known modality. Set warmStart.steps to 0, or use data with modality tags.");
        }

        order = new SampleOrder(lessons.Count, seed);
        int warmup = Math.Max(1, recipe.Steps / WarmupDivisor);
        schedule = new LearningRateSchedule(ScheduleShape.Cosine, warmup, recipe.Steps, MinimumRate);
    }

    /// <summary>The response taught for a sample.</summary>
    public static string Target(Sample sample, string reasoning) =>
        $"<{sample.Modality}><thinking>{reasoning}</thinking><answer>{sample.Reference}</answer>";

    /// <summary>One supervised step, 1-based.</summary>
    public WarmStartEvent Step(int step)
    {
        order.Position = (long)(step - 1) * recipe.BatchSize;
        var batch = new List<SupervisedExample>(recipe.BatchSize);
        for (int i = 0; i < recipe.BatchSize; i++)
        {
            (Sample sample, int[] response) = lessons[order.Next()];
            PreparedSample prompt = recipe.Augment
                ? preparer.Prepare(sample, Seed.Random(seed, (ulong)step, (ulong)i))
                : preparer.Prepare(sample);
            batch.Add(new SupervisedExample(prompt, response));
        }

        double rate = recipe.LearningRate * schedule.Factor(step);
        (double loss, double norm) = learner.Imitate(batch, rate, recipe.WeightDecay);
        return new WarmStartEvent(step, loss, rate, norm);
    }
}
