using CsCheck;
using Medix.Text;

namespace Medix.Core.Tests.Rewards;

public class ResponseParserTests
{
    [Fact]
    public void A_full_response_is_taken_apart()
    {
        ParsedResponse parsed = ResponseParser.Parse("<X_RAY>\n<thinking>\nA line runs.\n</thinking>\n<answer>Right pneumothorax</answer>\n");
        Assert.Equal(new ParsedResponse("X_RAY", "A line runs.", "Right pneumothorax", AnswerSource.Tagged, true), parsed);
    }

    [Theory]
    [InlineData("<CT_SCAN><thinking>t</thinking><answer>a</answer>", "CT_SCAN", "a", true)]
    [InlineData("<thinking>t</thinking><answer>a</answer>", null, "a", true)]
    [InlineData("<ct_scan><thinking></thinking><answer>a</answer>", "CT_SCAN", "a", true)]
    [InlineData("< CT_SCAN ><thinking>t</thinking><answer>a</answer>", "CT_SCAN", "a", true)]
    [InlineData("It is <CT_SCAN><thinking>t</thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<CT_SCAN> so <thinking>t</thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<CT_SCAN><MRI_SCAN><thinking>t</thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<CT_SCAN><thinking>t</thinking>so<answer>a</answer>", "CT_SCAN", "a", false)]
    [InlineData("<CT_SCAN><thinking>t</thinking><answer>a</answer> bye", "CT_SCAN", "a", false)]
    [InlineData("<CT_SCAN><thinking>t</thinking><answer> </answer>", "CT_SCAN", "", false)]
    [InlineData("<CT_SCAN><THINKING>t</THINKING><ANSWER>a</ANSWER>", "CT_SCAN", "a", false)]
    [InlineData("<CT_SCAN>< thinking >t</ thinking>< answer >a< / answer>", "CT_SCAN", "a", false)]
    [InlineData("<CT_SCAN><think>t</think><answer>a</answer>", "CT_SCAN", "a", false)]
    [InlineData("<CT_SCAN><answer>a</answer>", "CT_SCAN", "a", false)]
    [InlineData("<answer>a</answer>", null, "a", false)]
    [InlineData("<answer>first</answer><thinking>t</thinking>", null, "first", false)]
    [InlineData("<thinking>t</thinking><answer>wrong</answer><answer>last</answer>", null, "last", false)]
    [InlineData("<thinking>t</thinking><answer>a<answer>b</answer></answer>", null, "b", false)]
    [InlineData("<thinking><answer>planted</answer></thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<thinking><answer>planted</answer></thinking>", null, "", false)]
    [InlineData("<thinking>never closed <answer>planted</answer>", null, "", false)]
    [InlineData("t <answer>planted</answer></thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<thinking>the tag </thinking> said</thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<thinking><thinking>t</thinking></thinking><answer>a</answer>", null, "a", false)]
    [InlineData("<thinking>t</thinking><answer>cut sho", null, "cut sho", false)]
    [InlineData("<thinking>t</thinking> plain", null, "plain", false)]
    [InlineData("<CT_SCAN> plain", "CT_SCAN", "plain", false)]
    [InlineData("<CT_SCAN><MRI_SCAN> plain", null, "<MRI_SCAN> plain", false)]
    [InlineData("plain", null, "plain", false)]
    [InlineData("ESR < 20 and > 5", null, "ESR < 20 and > 5", false)]
    [InlineData("<answer>Use <b>bold</b></answer>", null, "Use <b>bold</b>", false)]
    [InlineData("<answer lang=\"en\">a</answer>", null, "<answer lang=\"en\">a", false)]
    [InlineData(":", null, ":", false)]
    [InlineData("", null, "", false)]
    [InlineData(" \n", null, "", false)]
    public void The_graded_text_is_the_last_answer_outside_thinking(string text, string? modality, string answer, bool wellFormed)
    {
        ParsedResponse parsed = ResponseParser.Parse(text);
        Assert.Equal((modality, answer, wellFormed), (parsed.Modality, parsed.Answer, parsed.WellFormed));
    }

    [Theory]
    [InlineData("<answer>a</answer>", AnswerSource.Tagged)]
    [InlineData("<answer>a", AnswerSource.Unclosed)]
    [InlineData("<answer>a</answer><answer>b", AnswerSource.Tagged)]
    [InlineData("a</answer>", AnswerSource.Untagged)]
    public void Where_the_answer_was_found_is_told(string text, AnswerSource source) => Assert.Equal(source, ResponseParser.Parse(text).Source);

    [Theory]
    [InlineData("<")]
    [InlineData("<thinking>")]
    [InlineData("</thinking>")]
    [InlineData("<answer>")]
    [InlineData("</answer>")]
    [InlineData("<answer>a</answer>")]
    [InlineData("<thinking></thinking>")]
    [InlineData("< ")]
    [InlineData("> ")]
    [InlineData(" ")]
    public void Endless_repetition_is_read_in_linear_space(string piece)
    {
        // Quadratic work on four hundred thousand characters would not end within the test run; quadratic space would not fit.
        string text = string.Concat(Enumerable.Repeat(piece, 400_000 / piece.Length));
        long before = GC.GetAllocatedBytesForCurrentThread();
        ResponseParser.Parse(text);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100L * text.Length);
    }

    [Fact]
    public void Any_mixture_of_tags_is_read_and_never_grades_what_is_within_thinking()
    {
        string[] pieces = ["<thinking>", "</thinking>", "<answer>", "</answer>", "<X_RAY>", "secret", " ", "word", "<", ">", "<think>", "</think>"];
        Gen.Int[0, pieces.Length - 1].Array[0, 14].Sample(picks =>
        {
            string text = string.Concat(picks.Select(i => pieces[i]));
            string open = text.Replace("</thinking>", "", StringComparison.Ordinal).Replace("</think>", "", StringComparison.Ordinal);
            Assert.Equal("", ResponseParser.Parse("<thinking>hidden" + open).Answer);
            Assert.False(ResponseParser.Parse(text) is { WellFormed: true, Source: not AnswerSource.Tagged });
        });
    }
}
