using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Medix.Evaluation.Reports.Page;

/// <summary>
/// Builds a page as a tree, so that nesting is always right and every text is escaped: there is no way to put markup in as text.
/// The page written is HTML and well-formed XML at once.
/// </summary>
internal static class Html
{
    // Elements that HTML never closes; all others need a closing tag even when they are empty.
    private static readonly HashSet<string> Void = new(StringComparer.Ordinal) { "meta", "img", "path", "line", "rect", "circle" };

    /// <summary>An element; <paramref name="content"/> is attributes, texts, elements, sequences of them, or nulls, which add nothing.</summary>
    public static XElement Tag(string name, params object?[] content)
    {
        XElement element = new(name, content);
        if (element.IsEmpty && !Void.Contains(name))
        {
            element.Add(string.Empty);
        }

        return element;
    }

    /// <summary>An attribute.</summary>
    public static XAttribute At(string name, string value) => new(name, value);

    /// <summary>The <c>class</c> attribute.</summary>
    public static XAttribute Class(string value) => new("class", value);

    /// <summary>A table in a box of its own that scrolls when the screen is narrower than the table.</summary>
    public static XElement Table(string label, IEnumerable<XElement> head, IEnumerable<XElement> rows) => Tag(
        "div", Class("scroll"), At("role", "region"), At("aria-label", label), At("tabindex", "0"),
        Tag("table", Tag("thead", Tag("tr", head)), Tag("tbody", rows)));

    /// <summary>A heading cell of a column; numbers stand on the right.</summary>
    public static XElement Column(string text, bool number = true) => Tag("th", At("scope", "col"), number ? Class("n") : null, text);

    /// <summary>The page as text.</summary>
    public static string Write(XElement root)
    {
        foreach (XText text in root.DescendantNodes().OfType<XText>())
        {
            text.Value = Clean(text.Value);
        }

        foreach (XAttribute attribute in root.DescendantsAndSelf().Attributes())
        {
            attribute.Value = Clean(attribute.Value);
        }

        StringBuilder page = new("<!DOCTYPE html>\n");
        using (XmlWriter writer = XmlWriter.Create(page, new XmlWriterSettings { OmitXmlDeclaration = true, NewLineHandling = NewLineHandling.None }))
        {
            root.WriteTo(writer);
        }

        return page.Append('\n').ToString();
    }

    /// <summary>Replaces what no page may hold (control characters, halves of surrogate pairs): models do write such things.</summary>
    public static string Clean(string text)
    {
        StringBuilder? clean = null;
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            if (!pair && (!XmlConvert.IsXmlChar(text[i]) || text[i] is '\r' or (>= '\x7f' and <= '\x9f')))
            {
                clean ??= new StringBuilder(text);
                clean[i] = text[i] == '\r' ? ' ' : '\ufffd';
            }

            i += pair ? 1 : 0;
        }

        return clean?.ToString() ?? text;
    }
}
