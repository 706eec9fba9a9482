using System.Diagnostics;
using System.Text.Json;
using Medix.Cli.Chat;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;
using SkiaSharp;

namespace Medix.Cli.Tests;

/// <summary>chat and bench by command, on the model shipped with Medix; and what an answer looks like while it comes.</summary>
public sealed class ChatCommandTests : IDisposable
{
    private static readonly string Nano = Path.Combine(Repository.Root, "models", "nano");
    private readonly string folder = Directory.CreateTempSubdirectory("medix-cli-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_question_about_a_picture_is_answered_for_research_only()
    {
        (int code, string output, string error) = CommandLineTests.Medix($"chat {Nano} --image {Picture()} --template bare --ask Nodule?");
        Assert.True(code == ExitCode.Success, error);
        Assert.StartsWith("Modality: ", output, StringComparison.Ordinal);
        Assert.Contains("words, folded", output, StringComparison.Ordinal);
        Assert.Contains("Answer: ", output, StringComparison.Ordinal);
        Assert.Contains(ChatAnswerView.Notice, output, StringComparison.Ordinal);
        (_, string json, _) = CommandLineTests.Medix($"chat {Nano} --image {Picture()} --template bare --ask Nodule? --json");
        using JsonDocument answer = JsonDocument.Parse(json);
        Assert.Contains($"Answer: {answer.RootElement.GetProperty("answer").GetString()}", output, StringComparison.Ordinal);
        Assert.Equal(ChatAnswerView.Notice, answer.RootElement.GetProperty("notice").GetString());
        Assert.True(answer.RootElement.GetProperty("tokensPerPass").GetDouble() >= 1, json);
    }

    [Fact]
    public void A_piped_conversation_goes_on_after_an_error_that_its_exit_code_tells_of()
    {
        (int code, string output, string error) = Converse(
            $"/image /nowhere.png\nCyst?\n/image {Picture()}\nNodule?\n/thinking\n/frobnicate\n/new\nMass?\n/quit\nnever asked\n");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("/nowhere.png: the picture cannot be read", error, StringComparison.Ordinal);
        Assert.Contains("'Cyst?' was not asked", error, StringComparison.Ordinal);
        Assert.Contains("128x128 pixels", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("Answer: ").Length - 1);
        Assert.Equal(2, output.Split(ChatAnswerView.Notice).Length - 1);
    }

    [Fact]
    public void Guesses_make_answers_that_repeat_what_was_said_come_in_fewer_passes_and_change_none()
    {
        const string questions = "Nodule?\nNodule?\nNodule?\n";
        string on = Converse(questions).Output, off = Converse(questions, "--speculation", "off").Output;
        Assert.Equal(Answers(off), Answers(on));
        Assert.Contains(" per pass] ", on, StringComparison.Ordinal);
        Assert.DoesNotContain(" per pass] ", off, StringComparison.Ordinal);

        static string[] Answers(string output) => [.. output.Split('\n').Where(line => line.StartsWith("Answer: ", StringComparison.Ordinal))];
    }

    [Fact]
    public void A_picture_of_one_line_is_refused_by_its_name()
    {
        string path = Path.Combine(folder, "line.png");
        using SKBitmap bitmap = new(1, 300);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
        (int code, _, string error) = CommandLineTests.Medix($"chat {Nano} --image {path} --ask x");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("line.png: the picture is 1x300 pixels", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 2, "Standard input is empty")]
    [InlineData("/image\nNodule?\n", 2, "'Nodule?' was not asked")]
    [InlineData("Nodule?\n", 0, "")]
    public void What_is_piped_in_decides_the_exit_code(string input, int expected, string part)
    {
        (int code, string output, string error) = Converse(input);
        Assert.Equal(expected, code);
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.Equal(expected == 0, output.Contains(ChatAnswerView.Notice, StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_without_a_vision_tower_refuses_a_picture_before_it_is_asked()
    {
        ChatSession session = new(null!, null!, seesPictures: false);
        MedixException fault = Assert.Throws<MedixException>(() => session.Add(ChatPicture.Read(Picture())));
        Assert.Contains("picture.png: the model has no vision tower", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--ask x --max-tokens 100000", "allow at most")]
    [InlineData("--ask x --max-tokens 0", "--max-tokens is 0")]
    [InlineData("--ask x --max-tokens many", "--max-tokens is many, expected a whole number")]
    [InlineData("--ask x --kv 9", "--kv is '9', expected fp32, fp16 or int8")]
    [InlineData("--ask x --storage 3", "--storage is '3'")]
    [InlineData("--ask x --seed x", "--seed is x")]
    [InlineData("--ask x --speculation maybe", "--speculation is 'maybe', expected on or off")]
    [InlineData("--ask x --temperature NaN", "--temperature is NaN")]
    [InlineData("--ask x --image /", "it is a folder")]
    [InlineData("--ask \"\"", "--ask is empty")]
    [InlineData("--ask x --image /nowhere.png", "/nowhere.png")]
    [InlineData("--ask x --storage q3", "q3")]
    [InlineData("--ask x --temperature -1", "--temperature is -1")]
    [InlineData("--json", "--ask")]
    [InlineData("--ask x --regex [", "--regex: The pattern '['")]
    [InlineData("--ask x --regex a --json-schema /nowhere", "Leave one out")]
    [InlineData("--ask x --json-schema /nowhere", "--json-schema /nowhere: the file cannot be read")]
    [InlineData("--ask x --json-schema /", "it is a folder")]
    [InlineData("--ask x --json-schema NANO/README.md", "README.md: The JSON schema is not valid JSON")]
    [InlineData("--ask x --json-schema NANO/generation.json", "cannot be read")]
    public void Wrong_input_is_one_paragraph_and_exit_code_2(string arguments, string part)
    {
        (int code, _, string error) = CommandLineTests.Medix($"chat {Nano} {arguments.Replace("NANO", Nano, StringComparison.Ordinal)}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_keep_to_a_schema_or_a_pattern_without_instructions_to_reason()
    {
        string schema = Path.Combine(folder, "schema.json");
        File.WriteAllText(schema, """{"type":"object","properties":{"finding":{"enum":["nodule","none"]},"size":{"type":"integer"}},"required":["finding","size"]}""");
        using JsonDocument answer = JsonDocument.Parse(CommandLineTests.Medix($"chat {Nano} --ask Nodule? --json-schema {schema} --json").Output);
        using JsonDocument made = JsonDocument.Parse(answer.RootElement.GetProperty("answer").GetString()!);
        Assert.Contains(made.RootElement.GetProperty("finding").GetString(), (string[])["nodule", "none"]);
        Assert.True(made.RootElement.GetProperty("size").TryGetInt64(out _));

        JsonElement Ask(string arguments)
        {
            using JsonDocument said = JsonDocument.Parse(CommandLineTests.Medix($"chat {Nano} --ask Nodule? --json {arguments}").Output);
            return said.RootElement.Clone();
        }

        JsonElement matched = Ask("--regex yes|no"), bare = Ask("--template bare"), medical = Ask("--regex yes|no --template medical");
        Assert.Contains(matched.GetProperty("text").GetString(), (string[])["yes", "no"]);
        Assert.Contains(medical.GetProperty("text").GetString(), (string[])["yes", "no"]);
        Assert.Equal(bare.GetProperty("promptTokens").GetInt32(), matched.GetProperty("promptTokens").GetInt32());
        Assert.True(medical.GetProperty("promptTokens").GetInt32() > bare.GetProperty("promptTokens").GetInt32());
    }

    [Fact]
    public void Tags_within_an_answer_of_a_given_form_are_a_part_of_it()
    {
        const string pattern = "a<thinking>b</thinking><answer>c</answer>d";
        using JsonDocument said = JsonDocument.Parse(CommandLineTests.Medix($"chat {Nano} --ask Nodule? --json --regex {pattern}").Output);
        Assert.Equal(pattern, said.RootElement.GetProperty("answer").GetString());
        Assert.Equal(JsonValueKind.Null, said.RootElement.GetProperty("thinking").ValueKind);
        Assert.StartsWith($"Answer: {pattern}\n", CommandLineTests.Medix($"chat {Nano} --ask Nodule? --regex {pattern}").Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains($"Answer: {pattern}", Converse("Nodule?\n", "--regex", pattern).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unsupported_schema_is_refused_by_its_keyword_before_a_model_is_opened()
    {
        string schema = Path.Combine(folder, "schema.json");
        File.WriteAllText(schema, """{"type":"object","not":{}}""");
        (int code, _, string error) = CommandLineTests.Medix($"chat no-such-model --ask x --json-schema {schema}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("schema.json: The JSON schema at # uses the keyword 'not'", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_prints_every_figure_with_its_range()
    {
        (int code, string output, string error) = CommandLineTests.Medix($"bench {Nano} --storage q8 --rounds 2 --prefill 32 --tokens 8 --batch 2 --image 128 --json");
        Assert.True(code == ExitCode.Success, error);
        using JsonDocument report = JsonDocument.Parse(output);
        JsonElement[] figures = [.. report.RootElement.GetProperty("figures").EnumerateArray()];
        Assert.True(figures.Length >= 10, output);
        Assert.All(figures, figure =>
        {
            double low = figure.GetProperty("low").GetDouble(), median = figure.GetProperty("median").GetDouble(), high = figure.GetProperty("high").GetDouble();
            Assert.True(low > 0 && low <= median && median <= high, figure.ToString());
            Assert.Equal(2, figure.GetProperty("rounds").GetInt32());
        });
        double Median(string name) => figures.Single(figure => figure.GetProperty("name").GetString() == name).GetProperty("median").GetDouble();
        Assert.True(Median("first token / all its products alone") < Median("first token / its weights' products alone"), output);
    }

    [Theory]
    [InlineData("--rounds 0", "--rounds is 0")]
    [InlineData("--batch 2 0", "--batch is 0")]
    [InlineData("--image 1000000000", "up to 2016")]
    [InlineData("--prefill 100000", "expected 0 (off) to 4095")]
    public void Bench_refuses_what_the_model_cannot_hold(string arguments, string part)
    {
        (int code, _, string error) = CommandLineTests.Medix($"bench {Nano} {arguments}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("Loading", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<CT_SCAN><thinking>a b c</thinking><answer>left lung</answer>", "Modality: CT_SCAN\nThinking: 3 words, folded\nAnswer: left lung\n")]
    [InlineData("<thinking>a b</thinking><answer>no</answer>", "Thinking: 2 words, folded\nAnswer: no\n")]
    [InlineData("just words", "Answer: just words\n")]
    [InlineData("<MRI_SCAN><thinking>never ends", "Modality: MRI_SCAN\nThinking: 2 words, folded\nThere is no answer.\n")]
    public void Elsewhere_than_on_a_terminal_every_line_is_written_once(string text, string expected)
    {
        using StringWriter writer = new() { NewLine = "\n" };
        ChatAnswerView view = new(writer, showThinking: false, live: false);
        for (int length = 1; length <= text.Length; length++)
        {
            view.Show(text[..length]);
        }

        view.End(new ChatAnswer(text, ResponseParser.Parse(text), 10, 5, 0.5, 1.5, Cut: false));
        Assert.StartsWith(expected.ReplaceLineEndings("\n"), writer.ToString().ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1.5, "the first after 0.5 s, then 4.0 per second] For")]
    [InlineData(4, 1.5, "the first after 0.5 s, then 4.0 per second] For")]
    [InlineData(3, 1.5, "the first after 0.5 s, then 4.0 per second, 1.33 per pass] For")]
    [InlineData(3, 0.5, "the first after 0.5 s, 1.33 per pass] For")]
    public void The_figures_tell_of_guesses_that_were_right_and_no_speed_that_was_not_timed(long passes, double seconds, string expected)
    {
        using StringWriter writer = new();
        new ChatAnswerView(writer, showThinking: false, live: false).End(
            new ChatAnswer("x", ResponseParser.Parse("x"), 10, 5, 0.5, seconds, Cut: false) { Passes = passes });
        Assert.Contains(expected, writer.ToString(), StringComparison.Ordinal);
    }

    private (int Code, string Output, string Error) Converse(string input, params string[] options)
    {
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "medix"), ["chat", Nano, "--template", "bare", .. options])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }

    private string Picture()
    {
        string path = Path.Combine(folder, "picture.png");
        if (!File.Exists(path))
        {
            using SKBitmap bitmap = new(128, 128);
            bitmap.Erase(SKColors.Gray);
            using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(path, data.ToArray());
        }

        return path;
    }
}
