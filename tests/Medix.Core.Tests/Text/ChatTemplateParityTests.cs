using System.Text.Json;
using Medix.Text;
using static Medix.Core.Tests.Text.TokenizerGoldens;

namespace Medix.Core.Tests.Text;

[Trait("Category", "Parity")]
public class ChatTemplateParityTests(QwenTokenizer qwen) : IClassFixture<QwenTokenizer>
{
    [Fact]
    public void Every_conversation_is_written_as_the_reference_writes_it() => CheckAll(Rendered(), row =>
        Compare("rendered", row.Text("rendered"), ChatTemplate.RenderText(Kind(row), Messages(row), Options(row))));

    [Fact]
    public void Every_rendered_conversation_has_the_ids_of_the_reference() => CheckAll(Rendered(), row =>
        Compare("ids", row.Ints("ids"), qwen.Tokenizer.Encode(ChatTemplate.RenderText(Kind(row), Messages(row), Options(row)))));

    [Fact]
    public void Segments_have_the_same_ids_wherever_no_text_spells_an_added_token()
    {
        List<JsonElement> harmless = [.. Rendered().Where(row => !SpellsAddedToken(Segments(row)))];
        Assert.NotEmpty(harmless);
        CheckAll(harmless, row => Compare("ids", row.Ints("ids"), qwen.Tokenizer.EncodeSegments(Segments(row))));
    }

    [Fact]
    public void Added_tokens_of_segments_are_those_the_template_wrote() => CheckAll(Rendered(), row =>
    {
        IReadOnlyList<ChatSegment> segments = Segments(row);
        IEnumerable<int> written = segments.Where(segment => segment.IsControl).SelectMany(segment => qwen.Tokenizer.Encode(segment.Text));
        return Compare("added ids", written.Where(IsAdded), qwen.Tokenizer.EncodeSegments(segments).Where(IsAdded));
    });

    private bool IsAdded(int id) => qwen.Tokenizer.AddedTokens.ContainsKey(id);

    private bool SpellsAddedToken(IReadOnlyList<ChatSegment> segments) =>
        segments.Any(segment => !segment.IsControl && qwen.Tokenizer.Encode(segment.Text).Any(IsAdded));

    // A list of texts where the reference's Qwen3 template fails is one message for us: rows with an error have no rendering to compare with.
    private static List<JsonElement> Rendered() => [.. Rows("chat.jsonl").Where(row => row.TryGetProperty("rendered", out _))];

    private static IReadOnlyList<ChatSegment> Segments(JsonElement row) => ChatTemplate.Render(Kind(row), Messages(row), Options(row));

    private static ChatTemplateKind Kind(JsonElement row) => row.Text("template") switch
    {
        "qwen3-vl" => ChatTemplateKind.Qwen3VL,
        "qwen3" => ChatTemplateKind.Qwen3,
        string other => throw new InvalidOperationException($"Unknown template {other}."),
    };

    private static ChatOptions Options(JsonElement row)
    {
        JsonElement arguments = row.GetProperty("arguments");
        bool Flag(string name, bool otherwise) => arguments.TryGetProperty(name, out JsonElement value) ? value.GetBoolean() : otherwise;
        JsonElement tools = row.GetProperty("tools");
        return new ChatOptions(
            Flag("add_generation_prompt", false), Flag("add_vision_id", false), Flag("enable_thinking", true),
            tools.ValueKind == JsonValueKind.Array ? [.. tools.EnumerateArray()] : null);
    }

    private static List<PromptMessage> Messages(JsonElement row) => [.. row.GetProperty("messages").EnumerateArray().Select(Message)];

    private static PromptMessage Message(JsonElement message) => new(message.Text("role"), Parts(message.GetProperty("content")))
    {
        Reasoning = message.TextOrNull("reasoning_content"),
        ToolCalls = message.TryGetProperty("tool_calls", out JsonElement calls) ? [.. calls.EnumerateArray().Select(Call)] : [],
    };

    private static List<PromptPart> Parts(JsonElement content) => content.ValueKind == JsonValueKind.String
        ? [new TextPart(content.GetString()!)]
        : [.. content.EnumerateArray().Select(Part)];

    private static PromptPart Part(JsonElement part) => part switch
    {
        _ when part.TextOrNull("type") == "image" || part.TryGetProperty("image", out _) || part.TryGetProperty("image_url", out _) => new ImagePart(),
        _ when part.TextOrNull("type") == "video" || part.TryGetProperty("video", out _) => new VideoPart(),
        _ => new TextPart(part.Text("text")),
    };

    private static ToolCall Call(JsonElement call)
    {
        JsonElement function = call.TryGetProperty("function", out JsonElement inner) ? inner : call;
        return new ToolCall(function.Text("name"), function.GetProperty("arguments"));
    }
}
