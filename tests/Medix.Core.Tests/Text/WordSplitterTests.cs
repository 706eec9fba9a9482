using Medix.Text;

namespace Medix.Core.Tests.Text;

public class WordSplitterTests
{
    [Theory]
    [InlineData("it's", "it|'s")]
    [InlineData("IT'SX", "IT|'S|X")]
    [InlineData("it'\u017Fx", "it|'\u017F|x")]
    [InlineData("we'LLx", "we|'LL|x")]
    [InlineData(" 'sy", " '|sy")]
    [InlineData("a1²Ⅻ", "a|1|²|Ⅻ")]
    [InlineData("𠮷's 𝔸", "𠮷|'s| 𝔸")]
    [InlineData("😀!\n\nx", "😀!\n\n|x")]
    [InlineData("a  b \n c", "a| | b| \n| c")]
    [InlineData("a\u001C\u0085\u0085b", "a|\u001C|\u0085|\u0085b")]
    public void Qwen2_words(string text, string expected) => Assert.Equal(expected.Split('|'), Split(SplitPattern.Qwen2, text));

    [Theory]
    [InlineData("it's IT'S", "it|'s| IT|'|S")]
    [InlineData(" 123a", " 123|a")]
    [InlineData("a  b\n\nc", "a| | b|\n|\n|c")]
    public void Gpt2_words(string text, string expected) => Assert.Equal(expected.Split('|'), Split(SplitPattern.Gpt2, text));

    private static IEnumerable<string> Split(SplitPattern pattern, string text) =>
        new WordSplitter(pattern).Split(text).Select(piece => text.Substring(piece.Offset, piece.Length));
}
