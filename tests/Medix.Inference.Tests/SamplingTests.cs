using System.Text;
using CsCheck;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Tests;

public class SamplingTests
{
    private static readonly float[] Logits = [2, -1, 0.5f, 3, -0.25f, 1];

    [Fact]
    public void Bias_comes_first_then_repetition_then_frequency_and_presence()
    {
        SamplingOptions options = new(9)
        {
            RepetitionPenalty = 2, FrequencyPenalty = 0.5f, PresencePenalty = 0.25f, LogitBias = new Dictionary<int, float> { [0] = 1, [1] = -1 },
        };
        SamplingState state = new(options, 1, [0, 1, 1]);
        state.Accept(3);
        state.Accept(3);
        state.Accept(1);
        float[] adjusted = [.. Logits];
        state.Adjust(adjusted);
        // 0 and 1 are in the prompt, 3 came twice and 1 once.
        Assert.Equal([1.5f, -4 - 0.5f - 0.25f, 0.5f, 1.5f - 1 - 0.25f, -0.25f, 1], adjusted);
    }

    [Fact]
    public void The_three_log_probabilities_are_of_the_three_distributions()
    {
        SamplingOptions options = new(1, 0.5f, TopK: 3) { LogitBias = new Dictionary<int, float> { [4] = 3 }, WithRawLogProbs = true };
        SamplingState state = new(options, 5);
        TokenSampler sampler = new(6, [3]);
        for (int i = 0; i < 50; i++)
        {
            SampledToken token = sampler.Sample(Logits, state);
            // Of 2, -1, 0.5, (banned), 2.75 and 1, the three largest are those of tokens 0, 4 and 5.
            float[] biased = [2, 2.75f, 1];
            int place = Array.IndexOf([0, 4, 5], token.Id);
            Assert.True(place >= 0);
            Assert.Equal(LogSoftmax(biased, place, 2), token.SampledLogProb, 1e-5);
            float[] less = [.. Logits.Where((_, id) => id != 3)];
            Assert.Equal(LogSoftmax(less, token.Id > 3 ? token.Id - 1 : token.Id, 2), token.LogProb, 1e-5);
            Assert.Equal(LogSoftmax(Logits, token.Id, 1), token.RawLogProb, 1e-5);
        }

        Assert.Equal([2, -1, 0.5f, 3, -0.25f, 1], Logits);
    }

    [Fact]
    public void Greedy_takes_the_best_of_what_is_adjusted()
    {
        SamplingState state = new(new SamplingOptions(5, 0) { PresencePenalty = 2 }, 1);
        TokenSampler sampler = new(6, []);
        List<int> tokens = [];
        for (int i = 0; i < 4; i++)
        {
            SampledToken token = sampler.Sample(Logits, state);
            Assert.Equal(0, token.SampledLogProb);
            tokens.Add(token.Id);
            state.Accept(token.Id);
        }

        // 3; then 3 has 1, which 0's 2 beats; then 0 has 0: 1 is left twice, the earlier one first; the penalty is taken once only.
        Assert.Equal([3, 0, 3, 3], tokens);
    }

    [Fact]
    public void Stop_strings_are_found_where_a_search_finds_them() =>
        Gen.Select(Gen.Char["abé"].Array[1, 4].Array[1, 3], Gen.Char["abé"].Array[0, 12], Gen.Int[1, 4]).Sample((raw, characters, chunk) =>
        {
            string[] stops = [.. raw.Select(stop => new string(stop))];
            string text = new(characters);
            StopMatcher matcher = new(stops);
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            foreach (byte[] part in bytes.Chunk(chunk))
            {
                matcher.Accept(part);
            }

            var first = stops.Select(stop => (Stop: stop, At: text.IndexOf(stop, StringComparison.Ordinal))).Where(match => match.At >= 0)
                .OrderBy(match => match.At + match.Stop.Length).ThenBy(match => match.At).FirstOrDefault();
            Assert.Equal(first.Stop, matcher.Found);
            string kept = Encoding.UTF8.GetString(bytes, 0, matcher.TextBytes);
            if (first.Stop is not null)
            {
                Assert.Equal(text[..first.At], kept);
            }
            else
            {
                string held = text[kept.Length..];
                Assert.True(held.Length == 0 || stops.Any(stop => stop.StartsWith(held, StringComparison.Ordinal)));
            }
        });

    [Fact]
    public void A_stop_string_ends_the_completion_and_its_text()
    {
        using Qwen3VLModel model = RandomModels.Create(2, ConstraintCases.Model);
        BatchedGenerator generator = new(model, 8, ConstraintCases.Vocabulary);
        SamplingOptions options = new(200) { Constraint = OutputConstraint.Regex("[ab]+"), StopStrings = ["aba", "bbaa"] };
        foreach (Completion completion in Generate(generator, [new GenerationRequest(RandomModels.Text(4, 1), [1, 2, 3, 4, 5, 6])], options)[0])
        {
            string whole = ConstraintCases.Vocabulary.Text(completion.Tokens), text = completion.Text(ConstraintCases.Vocabulary);
            Assert.DoesNotContain(options.StopStrings, stop => text.Contains(stop, StringComparison.Ordinal));
            if (completion.FinishReason == FinishReason.StopString)
            {
                Assert.StartsWith(text + completion.StopString, whole, StringComparison.Ordinal);
                string before = ConstraintCases.Vocabulary.Text(completion.Tokens.AsSpan(0, completion.Tokens.Length - 1));
                Assert.DoesNotContain(options.StopStrings, stop => before.Contains(stop, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Draws_of_different_options_share_steps_and_stay_what_they_are_alone()
    {
        using Qwen3VLModel model = RandomModels.Create(2, ConstraintCases.Model);
        BatchedGenerator generator = new(model, 8, ConstraintCases.Vocabulary);
        SamplingOptions[] options =
        [
            new(40, 0), new(60) { MinP = 0.1f, WithRawLogProbs = true }, new(50, 0.7f, 0.9f) { RepetitionPenalty = 1.3f },
            new(30) { Constraint = OutputConstraint.JsonSchema("{}") },
            new(45) { StopStrings = ["a", "}"], PresencePenalty = 1, LogitBias = new Dictionary<int, float> { [50] = 4 } },
        ];
        GenerationRequest[] requests = [.. options.Select((o, i) => new GenerationRequest(RandomModels.Text(3 + i, (ulong)i), [7, 8, 9]) { Options = o })];
        IReadOnlyList<IReadOnlyList<Completion>> together = Generate(generator, requests, new SamplingOptions(1));
        for (int i = 0; i < requests.Length; i++)
        {
            IReadOnlyList<Completion> alone = Generate(generator, [requests[i] with { Options = null }], options[i])[0];
            for (int draw = 0; draw < alone.Count; draw++)
            {
                Assert.Equal(alone[draw].Tokens, together[i][draw].Tokens);
                Assert.Equal(alone[draw].LogProbs, together[i][draw].LogProbs);
                Assert.Equal(alone[draw].SampledLogProbs, together[i][draw].SampledLogProbs);
                Assert.Equal(alone[draw].RawLogProbs, together[i][draw].RawLogProbs);
                Assert.Equal(options[i].WithRawLogProbs, alone[draw].RawLogProbs is not null);
            }
        }
    }

    [Fact]
    public void Greedy_output_is_unchanged_where_the_constraint_holds_anyway()
    {
        using Qwen3VLModel model = RandomModels.Create(1, ConstraintCases.Model);
        TokenVocabulary letters = new(Enumerable.Range(0, ConstraintCases.Size).Select(id =>
            Encoding.UTF8.GetBytes(id == ConstraintCases.End ? "" : $"{(char)('a' + (id % 26))}{id}")));
        BatchedGenerator generator = new(model, 8, letters);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 4).Select(i => new GenerationRequest(RandomModels.Text(6, (ulong)i), [1]))];
        IReadOnlyList<IReadOnlyList<Completion>> free = Generate(generator, requests, new SamplingOptions(60, 0));
        IReadOnlyList<IReadOnlyList<Completion>> bound = Generate(generator, requests, new SamplingOptions(60, 0) { Constraint = OutputConstraint.Regex("[ -~]*") });
        Assert.Equal(free.Select(group => group[0].Tokens), bound.Select(group => group[0].Tokens));
        IReadOnlyList<IReadOnlyList<Completion>> other = Generate(generator, requests, new SamplingOptions(60, 0) { Constraint = OutputConstraint.Regex("(?:[a-m][0-9]+)*") });
        Assert.NotEqual(free.Select(group => group[0].Tokens), other.Select(group => group[0].Tokens));
    }

    [Fact]
    public void Sampling_allocates_nothing_per_token()
    {
        float[] logits = [.. Enumerable.Range(0, ConstraintCases.Size).Select(id => id % 7 * 0.3f)];
        TokenSampler sampler = new(ConstraintCases.Size, [399]);
        SamplingOptions options = new(1000, 1, 0.95f, 50)
        {
            MinP = 0.01f, RepetitionPenalty = 1.1f, PresencePenalty = 0.5f, FrequencyPenalty = 0.1f, LogitBias = new Dictionary<int, float> { [9] = 1 },
            StopStrings = ["never comes up!"], WithRawLogProbs = true, Constraint = OutputConstraint.Regex("[a-z]*"),
        };
        SamplingState state = new(options, 1, [1, 2, 3], ConstraintCases.Vocabulary, [ConstraintCases.End]);
        long Draw(int tokens)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < tokens; i++)
            {
                state.Accept(sampler.Sample(logits, state).Id);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Draw(200);
        Assert.Equal(0, Draw(500));
    }

    [Fact]
    public void What_no_token_can_write_is_an_error_that_says_what_is_expected()
    {
        TokenVocabulary few = new([[], "a"u8.ToArray(), "b"u8.ToArray()]);
        SamplingState state = new(new SamplingOptions(3) { Constraint = OutputConstraint.Regex("ac") }, 1, default, few, [0]);
        TokenSampler sampler = new(3, []);
        state.Accept(sampler.Sample([0, 0, 9], state).Id);
        MedixException e = Assert.Throws<MedixException>(() => sampler.Sample([0, 0, 9], state));
        Assert.Contains("expected is 'c'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Faulty_options_are_refused_by_name_and_value()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        BatchedGenerator generator = new(model);
        SamplingOptions bad = new(5)
        {
            MinP = 1.5f, RepetitionPenalty = 0, PresencePenalty = 3, FrequencyPenalty = float.NaN,
            LogitBias = new Dictionary<int, float> { [999] = 1, [5] = 101 }, StopStrings = ["", new string('x', 2000)], Constraint = OutputConstraint.Regex("a"),
        };
        GenerationRequest request = new(RandomModels.Text(3, 1), [1]) { Options = bad };
        MedixException e = Assert.Throws<MedixException>(() => Generate(generator, [request], new SamplingOptions(1)));
        string[] named =
        [
            "MinP is 1.5", "RepetitionPenalty is 0", "PresencePenalty is 3", "FrequencyPenalty is NaN", "token 999", "token 5 is 101", "0 bytes", "2000 bytes", "TokenVocabulary",
            "eos_token_id",
        ];
        Assert.All(named, name => Assert.Contains(name, e.Message, StringComparison.Ordinal));
    }

    private static IReadOnlyList<IReadOnlyList<Completion>> Generate(BatchedGenerator generator, IReadOnlyList<GenerationRequest> requests, SamplingOptions options) =>
        generator.Generate(requests, options, null, TestContext.Current.CancellationToken);

    private static double LogSoftmax(float[] logits, int place, double scale) => (logits[place] * scale) - Math.Log(logits.Sum(logit => Math.Exp(logit * scale)));
}
