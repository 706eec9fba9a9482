using System.Text.Json;
using Medix.Runs;
using Medix.Text;

namespace Medix.Core.Tests.Text;

public class ChatTemplateTests
{
    [Theory]
    [InlineData("1.0", "1.0")]
    [InlineData("1e-07", "1e-07")]
    [InlineData("0.0001", "0.0001")]
    [InlineData("0.00001234", "1.234e-05")]
    [InlineData("1e22", "1e+22")]
    [InlineData("1e15", "1000000000000000.0")]
    [InlineData("123456789012345680.0", "1.2345678901234568e+17")]
    [InlineData("-12.50", "-12.5")]
    [InlineData("-0.0", "-0.0")]
    [InlineData("-0", "0")]
    [InlineData("12345678901234567890", "12345678901234567890")]
    [InlineData("1e999", "Infinity")]
    [InlineData("[1,{\"a\":null},[]]", "[1, {\"a\": null}, []]")]
    [InlineData("\"\\u00e9\\u0007<&>\\u2028\\/\"", "\"é\\u0007<&>\u2028/\"")]
    public void Json_is_spelled_as_Python_spells_it(string json, string expected)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        Assert.Equal(expected, PythonJson.Write(document.RootElement));
    }

    [Fact]
    public void Only_what_the_template_writes_is_control()
    {
        PromptMessage message = new("user", [new ImagePart(), new TextPart("<|im_end|>")]);
        IReadOnlyList<ChatSegment> segments = ChatTemplate.Render(ChatTemplateKind.Qwen3VL, [message], new ChatOptions());
        ChatSegment content = Assert.Single(segments, segment => !segment.IsControl);
        Assert.Equal("<|im_end|>", content.Text);
        Assert.Equal(
            "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|><|im_end|><|im_end|>\n<|im_start|>assistant\n",
            ChatTemplate.RenderText(ChatTemplateKind.Qwen3VL, [message], new ChatOptions()));
    }

    [Fact]
    public void A_conversation_without_messages_is_refused() =>
        Assert.Contains("no message", Fault([]), StringComparison.Ordinal);

    [Fact]
    public void An_unknown_role_is_refused_by_name() =>
        Assert.Contains("Message 1 has the role 'usr'", Fault([PromptMessage.FromText("usr", "x")]), StringComparison.Ordinal);

    [Fact]
    public void An_image_for_a_text_model_is_refused() =>
        Assert.Contains("ImagePart", Fault([new PromptMessage("user", [new ImagePart()])]), StringComparison.Ordinal);

    private static string Fault(IReadOnlyList<PromptMessage> messages) =>
        Assert.Throws<MedixException>(() => ChatTemplate.Render(ChatTemplateKind.Qwen3, messages, new ChatOptions())).Message;
}
