using System.Text.Json;
using System.Text.RegularExpressions;
using Medix.Evaluation;
using Medix.Judging;
using Medix.Testing;

namespace Medix.Core.Tests.Judging;

/// <summary>
/// The rule judge against people's labels on public pairs it was not written from. The bounds stand well below what was measured when they were written: they
/// catch a rule that starts to do harm, they are no claim of quality.
/// </summary>
public class RealPairsTests(ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Clinical_long_forms_marked_synonym_or_not()
    {
        string path = SharedFiles.Require("data", "pairs-synonyms", "Train1.csv");
        List<JudgeCase[]> cases = [];
        List<bool> labels = [];
        foreach (string line in (await File.ReadAllLinesAsync(path, Token)).Skip(1))
        {
            string[] fields = line.Split('|');
            if (fields.Length == 3)
            {
                cases.Add([new JudgeCase("", fields[0].Trim('"'), fields[1].Trim('"'))]);
                labels.Add(fields[2].Trim() == "Y");
            }
        }

        Agreement agreement = await CompareAsync("synonyms", cases, labels);
        Assert.True(agreement.Precision.Low > 0.9, agreement.ToString());
    }

    [Fact]
    public async Task Short_answers_of_systems_judged_by_people()
    {
        string path = SharedFiles.Require("data", "pairs-evouna", "TQ.json");
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(path, Token));
        foreach (string system in new[] { "fid" })
        {
            List<JudgeCase[]> cases = [];
            List<bool> labels = [];
            foreach (JsonElement row in document.RootElement.EnumerateArray())
            {
                string answer = row.GetProperty("answer_" + system).GetString() ?? "";
                bool labelled = row.GetProperty("judge_" + system).ValueKind is JsonValueKind.True or JsonValueKind.False;
                if (labelled && answer.Length <= 120)
                {
                    string question = row.GetProperty("question").GetString()!;
                    cases.Add([.. row.GetProperty("golden_answer").GetString()!.Split('/').Select(reference => new JudgeCase(question, reference, answer))]);
                    labels.Add(row.GetProperty("judge_" + system).GetBoolean());
                }
            }

            Agreement agreement = await CompareAsync("evouna " + system, cases, labels);
            Assert.True(agreement.Precision.Low > 0.9, agreement.ToString());
        }
    }

    /// <summary>Real radiology answers made wrong in the way that harms: the other side, its denial, another number.</summary>
    [Fact]
    public async Task Real_answers_equal_themselves_and_never_their_opposite()
    {
        string folder = SharedFiles.Require("data", "vqa-rad");
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(Directory.GetFiles(folder, "VQA_RAD*.json").Single(), Token));
        string[] answers = [.. document.RootElement.EnumerateArray().Select(row => row.GetProperty("answer").ToString().Trim()).Distinct()];
        List<JudgeCase> same = [.. answers.Select(answer => new JudgeCase("", answer, answer.ToUpperInvariant() + "."))];
        List<JudgeCase> opposite = [];
        foreach (string answer in answers.Select(answer => answer.ToLowerInvariant()))
        {
            string flipped = Regex.Replace(answer, @"\b(left|right)\b", match => match.Value == "left" ? "right" : "left");
            string counted = Regex.Replace(answer, @"\d+", match => match.Value + "7");
            string denied = "without " + answer;
            bool negated = Regex.IsMatch(answer, @"\b(no|not|yes|without|none|absent)\b");
            bool sided = flipped != answer && !(answer.Contains("left", StringComparison.Ordinal) && answer.Contains("right", StringComparison.Ordinal));
            string[] wrong = [sided ? flipped : answer, counted, negated ? answer : denied];
            opposite.AddRange(wrong.Where(text => text != answer).Select(text => new JudgeCase("", answer, text)));
        }

        IReadOnlyList<Verdict> equal = await Judge.ByRules().JudgeAsync(same, Token);
        IReadOnlyList<Verdict> different = await Judge.ByRules().JudgeAsync(opposite, Token);
        Assert.DoesNotContain(same.Zip(equal), pair => pair.Second.Equivalent != true);
        Assert.DoesNotContain(opposite.Zip(different), pair => pair.Second.Equivalent != false);
        output.WriteLine($"{same.Count} answers equal themselves, {opposite.Count} opposites differ");
    }

    /// <summary>An answer is accepted when it is equivalent to any of its references.</summary>
    private async Task<Agreement> CompareAsync(string name, List<JudgeCase[]> cases, List<bool> labels)
    {
        Judge judge = Judge.ByRules();
        int right = 0, accepted = 0, acceptedRight = 0;
        for (int i = 0; i < cases.Count; i++)
        {
            IReadOnlyList<Verdict> verdicts = await judge.JudgeAsync(cases[i], Token);
            bool said = verdicts.Any(verdict => verdict.Equivalent == true);
            right += said == labels[i] ? 1 : 0;
            accepted += said ? 1 : 0;
            acceptedRight += said && labels[i] ? 1 : 0;
            if (said && !labels[i])
            {
                output.WriteLine($"  accepted: {cases[i][0].Question} # {cases[i][0].Reference} | {cases[i][0].Answer} ({verdicts[0].Reason})");
            }
        }

        int equal = labels.Count(label => label);
        Agreement agreement = new(
            Intervals.Proportion(right, cases.Count), Intervals.Proportion(acceptedRight, accepted), Intervals.Proportion(acceptedRight, equal));
        output.WriteLine($"{name}: {agreement}");
        return agreement;
    }

    private sealed record Agreement(Estimate Accuracy, Estimate Precision, Estimate Recall);
}
