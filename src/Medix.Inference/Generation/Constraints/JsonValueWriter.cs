using System.Text.Encodings.Web;
using System.Text.Json;

namespace Medix.Inference.Generation.Constraints;

/// <summary>Writes the values of <c>const</c> and <c>enum</c> with the white space that the rest has.</summary>
internal sealed class JsonValueWriter(JsonSpacing spacing)
{
    /// <summary>Between elements.</summary>
    public string Comma { get; } = spacing == JsonSpacing.Compact ? "," : ", ";

    /// <summary>Between a name and its value.</summary>
    public string Colon { get; } = spacing == JsonSpacing.Compact ? ":" : ": ";

    public string Write(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(Comma, value.EnumerateObject().Select(property => $"{Quote(property.Name)}{Colon}{Write(property.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(Comma, value.EnumerateArray().Select(Write))}]",
        JsonValueKind.String => Quote(value.GetString()!),
        _ => value.GetRawText(),
    };

    /// <summary>A string with its quotes; only what JSON demands is escaped.</summary>
    public static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
