using Medix.Text;

namespace Medix.Core.Tests.Text;

public class AddedTokenMatcherTests
{
    [Theory]
    [InlineData("x<a>>y", "x,[<a>>],y")]
    [InlineData("<a><a", "[<a>],[<a]")]
    [InlineData("<<a>", "<,[<a>]")]
    [InlineData("ab<", "ab<")]
    [InlineData("", "")]
    public void The_longest_of_the_leftmost_matches_is_taken(string text, string expected) =>
        Assert.Equal(expected, Cut(text, new AddedToken("<a"), new AddedToken("<a>"), new AddedToken("<a>>")));

    [Theory]
    [InlineData("mg 5mg mg", "[mg], 5mg ,[mg]")]
    [InlineData("mg_ émg mg\u0301", "mg_ émg mg\u0301")]
    [InlineData("(mg)", "(,[mg],)")]
    public void A_single_word_stands_alone(string text, string expected) => Assert.Equal(expected, Cut(text, new AddedToken("mg", SingleWord: true)));

    [Theory]
    [InlineData("a  <l>  <l> b", "a,[  <l>],[  <l>], b")]
    [InlineData("a <r>  <l> b", "a ,[<r>  ],[<l>], b")]
    public void Stripping_takes_the_white_space_once(string text, string expected) =>
        Assert.Equal(expected, Cut(text, new AddedToken("<l>", LeftStrip: true), new AddedToken("<r>", RightStrip: true)));

    private static string Cut(string text, params AddedToken[] tokens)
    {
        AddedTokenMatcher matcher = new(tokens.Select((token, id) => KeyValuePair.Create(id, token)), content => content);
        return string.Join(',', matcher.Cut(text).Select(piece =>
            piece.Id is null ? text.Substring(piece.Start, piece.Length) : $"[{text.Substring(piece.Start, piece.Length)}]"));
    }
}
