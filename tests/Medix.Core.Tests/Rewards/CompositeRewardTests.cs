using System.Text.Json;
using CsCheck;
using Medix.Core.Tests.Clients;
using Medix.Data;
using Medix.Judging;
using Medix.Rewards;
using Medix.Runs;

namespace Medix.Core.Tests.Rewards;

public class CompositeRewardTests
{
    private static readonly string[] Answers =
    [
        "Right pneumothorax", "pneumothorax on the right", "left pneumothorax", "no pneumothorax", "fracture", ":", "", "Thought process:",
        "right pneumothoraxes",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Totals_are_the_papers_for_a_response_that_is_all_right_or_all_wrong()
    {
        IReadOnlyList<RewardReport> reports = await Default().ScoreAsync(
            [
                Input("<X_RAY><thinking>t</thinking><answer>pneumothorax on the right</answer>"),
                Input("nothing"),
                Input("<X_RAY><thinking>t</thinking><answer>fracture</answer>"),
            ],
            Token);
        Assert.Equal([1.0, 0.0, 0.145], reports.Select(report => Math.Round(report.Total!.Value, 12)));
        Assert.StartsWith("rule judge", Term(reports[0], RewardTerms.Judge).Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_weight_of_a_term_that_does_not_apply_goes_to_the_others()
    {
        RewardInput input = Input("<thinking>t</thinking><answer>fracture</answer>", modality: null);
        RewardReport report = Assert.Single(await Default().ScoreAsync([input], Token));
        Assert.Equal(TermStatus.NotApplicable, Term(report, RewardTerms.Modality).Status);
        Assert.Equal(0.1 / (1 - 0.045), report.Total!.Value, 12);
    }

    [Fact]
    public async Task A_judge_without_verdict_leaves_no_total()
    {
        CompositeReward reward = CompositeReward.Create(new RewardOptions(), Judge.ByModel(new FakeChat(_ => "perhaps"), new ModelJudgeOptions()), Lexical());
        RewardReport report = Assert.Single(await reward.ScoreAsync([Input("<answer>fracture</answer>")], Token));
        Assert.Null(report.Total);
        Assert.Equal(TermStatus.Unscored, Term(report, RewardTerms.Judge).Status);
        Assert.Contains("perhaps", Term(report, RewardTerms.Judge).Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_embedder_that_fails_leaves_no_total()
    {
        FakeEmbedder[] embedders =
            [new(_ => throw new HttpRequestException("down")), new(_ => [float.NaN]), new(text => new float[text.Length])];
        foreach (FakeEmbedder broken in embedders)
        {
            CompositeReward reward = CompositeReward.Create(new RewardOptions(), Judge.ByRules(), broken);
            RewardReport report = Assert.Single(await reward.ScoreAsync([Input("<answer>fracture</answer>")], Token));
            Assert.Null(report.Total);
            Assert.Equal(TermStatus.Unscored, Term(report, RewardTerms.Embedding).Status);
        }
    }

    [Fact]
    public async Task A_term_of_weight_zero_is_not_asked()
    {
        FakeChat chat = new(_ => "YES");
        CompositeReward reward = CompositeReward.Create(new RewardOptions { JudgeWeight = 0 }, Judge.ByModel(chat, new ModelJudgeOptions()), Lexical());
        RewardReport report = Assert.Single(await reward.ScoreAsync([Input("<answer>fracture</answer>")], Token));
        Assert.Equal(0, chat.Calls);
        Assert.DoesNotContain(report.Terms, term => term.Term == RewardTerms.Judge);
    }

    [Fact]
    public async Task Equal_answers_are_judged_and_embedded_once()
    {
        FakeChat chat = new(_ => "YES");
        FakeEmbedder embedder = new(text => [text.Length, 1]);
        CompositeReward reward = CompositeReward.Create(new RewardOptions(), Judge.ByModel(chat, new ModelJudgeOptions()), embedder);
        await reward.ScoreAsync([.. Enumerable.Repeat(Input("<answer>fracture</answer>"), 40), .. Enumerable.Repeat(Input("fracture"), 40)], Token);
        Assert.Equal(1, chat.Calls);
        Assert.Equal(2, embedder.Texts.Count);
    }

    [Fact]
    public void Totals_lie_between_0_and_1_and_move_with_their_inputs()
    {
        Gen<RewardInput> input = Gen.Select(Gen.Int[0, Answers.Length - 1], Gen.Int[0, 4], Gen.Bool)
            .Select((answer, frame, known) => Input(Framed(Answers[answer], frame), known ? "X_RAY" : null));
        Gen<RewardOptions> options = Gen.Double[0.01, 2].Array[4].Select(weights => new RewardOptions
        {
            FormatWeight = weights[0], JudgeWeight = weights[1], EmbeddingWeight = weights[2], ModalityWeight = weights[3], GradedSimilarity = weights[0] > 1,
        });
        Gen.Select(input.Array[1, 12], options, Gen.Int).Sample((inputs, given, seed) =>
        {
            // A judge that fails on one answer of the list.
            Judge judge = Judge.ByModel(new FakeChat(text => text.Contains("fracture", StringComparison.Ordinal) ? "?" : "YES"), new ModelJudgeOptions());
            CompositeReward reward = CompositeReward.Create(given, judge, Lexical());
            IReadOnlyList<RewardReport> reports = Score(reward, inputs);
            Assert.All(reports, report => Assert.True(report.Total is null or (>= 0 and <= 1)));
            Assert.All(reports, report => Assert.Equal(report.Terms.Any(term => term.Status == TermStatus.Unscored), report.Total is null));

            int[] order = [.. Enumerable.Range(0, inputs.Length)];
            Seed.Random((ulong)seed).Shuffle(order.AsSpan());
            IReadOnlyList<RewardReport> moved = Score(reward, [.. order.Select(i => inputs[i])]);
            Assert.Equal(order.Select(i => reports[i].Total), moved.Select(report => report.Total));
        });
    }

    [Theory]
    [InlineData("<X_RAY><thinking><answer>Right pneumothorax</answer></thinking><answer>fracture</answer>")]
    [InlineData("<answer>Right pneumothorax</answer><answer>fracture</answer>")]
    [InlineData("<answer>Right pneumothorax or fracture</answer>")]
    [InlineData("<answer>:</answer>")]
    [InlineData("<answer>Thought process:</answer>")]
    [InlineData("<answer>—————</answer>")]
    [InlineData("<answer>Left pneumothorax</answer>")]
    [InlineData("<answer>No right pneumothorax</answer>")]
    public async Task Known_tricks_earn_neither_judge_nor_embedding(string response)
    {
        RewardReport report = Assert.Single(await Default().ScoreAsync([Input(response)], Token));
        Assert.Equal(0, Term(report, RewardTerms.Judge).Value);
        Assert.Equal(0, Term(report, RewardTerms.Embedding).Value);
    }

    [Theory]
    [InlineData("left pneumothorax", 0)]
    [InlineData("bilateral pneumothorax", 0)]
    [InlineData("no right pneumothorax", 0)]
    [InlineData("pneumothorax", 1)]
    [InlineData("right-sided pneumothorax of 2 cm", 1)]
    public async Task However_near_the_words_a_contradiction_earns_no_similarity(string answer, double value)
    {
        FakeEmbedder near = new(_ => [1, 1]);
        TermResult with = Assert.Single(await new EmbeddingReward(near, new RewardOptions()).ScoreAsync([Input(answer)], Token));
        RewardOptions blind = new() { VetoContradictions = false };
        TermResult without = Assert.Single(await new EmbeddingReward(near, blind).ScoreAsync([Input(answer)], Token));
        Assert.Equal((value, 1.0), (with.Value, without.Value));
    }

    [Fact]
    public async Task Similarity_is_a_step_or_graded()
    {
        FakeEmbedder embedder = new(text => text.StartsWith("Right", StringComparison.Ordinal) ? [1, 0] : [0.6f, 0.8f]);
        RewardOptions options = new() { SimilarityThreshold = 0.7 };
        Assert.Equal(0, (await new EmbeddingReward(embedder, options).ScoreAsync([Input("x")], Token))[0].Value);
        Assert.Equal(1, (await new EmbeddingReward(embedder, options with { SimilarityThreshold = 0.5 }).ScoreAsync([Input("x")], Token))[0].Value);
        Assert.Equal(0.6, (await new EmbeddingReward(embedder, options with { GradedSimilarity = true }).ScoreAsync([Input("x")], Token))[0].Value, 6);
    }

    [Fact]
    public async Task A_huge_response_is_scored()
    {
        string huge = "<answer>" + string.Concat(Enumerable.Repeat("enlarged heart and ", 100_000)) + "</answer>";
        RewardReport report = Assert.Single(await Default().ScoreAsync([Input(huge)], Token));
        Assert.Equal(0, report.Total);
        Assert.Contains("no short answer", Term(report, RewardTerms.Judge).Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mode_medix_r1_grades_the_first_answer_block_wherever_it_stands()
    {
        CompositeReward reward = CompositeReward.Create(new RewardOptions { Mode = RewardMode.MedixR1 }, Judge.ByRules(), Lexical());
        RewardInput planted = Input("<X_RAY><thinking><answer>Right pneumothorax</answer></thinking><answer>fracture</answer>");
        Assert.Equal(1.0, Assert.Single(await reward.ScoreAsync([planted], Token)).Total!.Value, 12);
    }

    [Fact]
    public async Task Reports_can_be_written_as_json_and_read_again()
    {
        RewardReport report = Assert.Single(await Default().ScoreAsync([Input("<answer>fracture</answer>", modality: null)], Token));
        RewardReport? again = JsonSerializer.Deserialize<RewardReport>(JsonSerializer.Serialize(report));
        Assert.Equal(report.Terms, again!.Terms);
        Assert.Equal(report.Total, again.Total);
    }

    [Fact]
    public void Every_problem_of_the_options_is_told_at_once()
    {
        RewardOptions options = new() { FormatWeight = -1, JudgeWeight = double.NaN, SimilarityThreshold = 2 };
        Assert.Equal(3, options.Problems().Count);
        MedixException error = Assert.Throws<MedixException>(() => CompositeReward.Create(options, Judge.ByRules(), Lexical()));
        Assert.Contains("formatWeight is -1", error.Message, StringComparison.Ordinal);
        Assert.Contains("similarityThreshold is 2", error.Message, StringComparison.Ordinal);
        Assert.Single(new RewardOptions { FormatWeight = 0, JudgeWeight = 0, EmbeddingWeight = 0, ModalityWeight = 0 }.Problems());
        Assert.Single(new RewardOptions { Mode = RewardMode.MedixR1, JudgeWeight = 1 }.Problems());
        Assert.Single(new RewardOptions { Mode = RewardMode.MedixR1, FormatWeight = 1.5 }.Problems());
        Assert.Empty(new RewardOptions { Mode = RewardMode.MedixR1, FormatWeight = 0.2 }.Problems());
        Assert.Empty(new RewardOptions().Problems());
    }

    private static string Framed(string answer, int frame) => frame switch
    {
        0 => answer,
        1 => $"<answer>{answer}</answer>",
        2 => $"<X_RAY><thinking>t</thinking><answer>{answer}</answer>",
        3 => $"<MRI_SCAN><thinking>t</thinking><answer>{answer}</answer>",
        _ => $"<thinking><answer>{answer}</answer>",
    };

    private static RewardInput Input(string response, string? modality = "X_RAY") =>
        new(new Sample("s", [], [], "What is shown?", "Right pneumothorax", modality, "test", "s"), response);

    private static LexicalEmbedder Lexical() => LexicalEmbedder.Fit(["Right pneumothorax", "fracture of the radius", "left pleural effusion"]);

    private static CompositeReward Default() => CompositeReward.Create(new RewardOptions(), Judge.ByRules(), Lexical());

    private static TermResult Term(RewardReport report, string name) => report.Terms.Single(term => term.Term == name);

    private static IReadOnlyList<RewardReport> Score(CompositeReward reward, RewardInput[] inputs) =>
        reward.ScoreAsync(inputs, CancellationToken.None).GetAwaiter().GetResult();
}
