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
    private readonly Tokenizer tokenizer;
    private readonly int endToken;
    private readonly RunData data;
    private readonly Dictionary<string, IReadOnlyList<string>> answers;
    private readonly SampleOrder order;
    private readonly LearningRateSchedule schedule;

    /// <summary>
    /// Teaches the data's lessons, each answered as <c>&lt;TAG&gt;&lt;thinking&gt;…&lt;/thinking&gt;&lt;answer&gt;…&lt;/answer&gt;</c> and <paramref name="endToken"/>.
    /// </summary>
    public WarmStart(
        PolicyLearner learner, SamplePreparer preparer, Tokenizer tokenizer, int endToken, RunData data, WarmStartRecipe recipe, ulong seed)
    {
        this.learner = learner;
        this.preparer = preparer;
        this.tokenizer = tokenizer;
        this.endToken = endToken;
        this.data = data;
        this.recipe = recipe;
        this.seed = seed;
        if (data.Lessons.Count == 0)
        {
            throw new MedixException(
                "The warm start has nothing to learn from: no training sample has a known modality. Set warmStart.steps to 0, or use data with modality tags.");
        }

        answers = data.Texts.GroupBy(t => t.Question).ToDictionary(g => g.Key, g => (IReadOnlyList<string>)[.. g.Select(t => t.Answer).Distinct()]);
        order = new SampleOrder(data.Lessons.Count, seed);
        int warmup = Math.Max(1, recipe.Steps / WarmupDivisor);
        schedule = new LearningRateSchedule(ScheduleShape.Cosine, warmup, recipe.Steps, MinimumRate);
    }

    /// <summary>The response taught for a sample.</summary>
    public static string Target(string? modality, string reasoning, string answer) => $"<{modality}><thinking>{reasoning}</thinking><answer>{answer}</answer>";

    /// <summary>One supervised step, 1-based.</summary>
    public WarmStartEvent Step(int step)
    {
        order.Position = (long)(step - 1) * recipe.BatchSize;
        int[] indices = [.. Enumerable.Range(0, recipe.BatchSize).Select(_ => order.Next())];
        var batch = new SupervisedExample[recipe.BatchSize];
        Parallel.For(0, recipe.BatchSize, i => batch[i] = Lesson(data.Lessons[indices[i]], Seed.Random(seed, (ulong)step, (ulong)i)));

        double rate = recipe.LearningRate * schedule.Factor(step);
        (double loss, double norm) = learner.Imitate(batch, rate, recipe.WeightDecay);
        return new WarmStartEvent(step, loss, rate, norm);
    }

    private SupervisedExample Lesson(Sample sample, SeededRandom random)
    {
        int[] response = [.. tokenizer.EncodePlain(Demonstration(sample, random)), endToken];
        return new SupervisedExample(recipe.Augment ? preparer.Prepare(sample, random) : preparer.Prepare(sample), response);
    }

    /// <summary>The lesson as it is shown: right and well-formed, but for the shares of the recipe that are not.</summary>
    private string Demonstration(Sample sample, SeededRandom random)
    {
        string answer = sample.Reference;
        if (random.NextDouble() < recipe.WrongAnswerShare && answers.GetValueOrDefault(sample.Question) is { } others)
        {
            answer = random.Pick(others);
        }

        string reasoning = data.Reasoning(sample);
        return random.NextDouble() >= recipe.MalformedShare ? Target(sample.Modality, reasoning, answer) : random.NextInt(3) switch
        {
            0 => $"<thinking>{reasoning}</thinking><answer>{answer}</answer>",
            1 => $"<{sample.Modality}><answer>{answer}</answer>",
            _ => answer,
        };
    }
}
