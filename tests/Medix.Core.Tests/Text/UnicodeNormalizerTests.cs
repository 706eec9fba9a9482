using Medix.Text;

namespace Medix.Core.Tests.Text;

public class UnicodeNormalizerTests
{
    // From UAX #15 and the conformance file's parts: singletons, exclusions, reordering, blocked marks, Hangul, supplementary planes.
    [Theory]
    [InlineData("e\u0301", "\u00E9", "e\u0301")]
    [InlineData("\u212B", "\u00C5", "A\u030A")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("\u1E0B\u0323", "\u1E0D\u0307", "d\u0323\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("a\u0300\u0301", "\u00E0\u0301", "a\u0300\u0301")]
    [InlineData("a\u05AE\u0300\u0301", "\u00E0\u05AE\u0301", "a\u05AE\u0300\u0301")]
    [InlineData("a\u0305\u0301", "a\u0305\u0301", "a\u0305\u0301")]
    [InlineData("\u0301a", "\u0301a", "\u0301a")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u1100\u0300\u1161", "\u1100\u0300\u1161", "\u1100\u0300\u1161")]
    [InlineData("\U000110A5\U000110BA", "\U000110AB", "\U000110A5\U000110BA")]
    [InlineData("\U00011935\U00011930", "\U00011938", "\U00011935\U00011930")]
    [InlineData("\uF900", "\u8C48", "\u8C48")]
    [InlineData("plain", "plain", "plain")]
    [InlineData("", "", "")]
    public void Texts_have_their_forms_C_and_D(string text, string composed, string decomposed)
    {
        Assert.Equal(composed, UnicodeNormalizer.Compose(text));
        Assert.Equal(decomposed, UnicodeNormalizer.Decompose(text));
    }
}
