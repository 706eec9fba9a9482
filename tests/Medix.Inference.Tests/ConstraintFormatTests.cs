using System.Globalization;
using CsCheck;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;

namespace Medix.Inference.Tests;

/// <summary>Formats of strings in JSON schemas.</summary>
public class ConstraintFormatTests
{
    private static readonly OutputConstraint Date = Of("date"), Time = Of("time"), Moment = Of("date-time"), Uuid = Of("uuid");

    [Fact]
    public void A_date_is_accepted_exactly_if_the_calendar_has_it()
    {
        int days = 0;
        Gen.Select(Gen.OneOf(Gen.Int[1, 9999], Gen.Int[1, 99].Select(century => century * 100)), Gen.OneOf(Gen.Const(2), Gen.Int[0, 13]), Gen.Int[27, 32]).Sample(
            (year, month, day) =>
            {
                string text = string.Create(CultureInfo.InvariantCulture, $"{year:0000}-{month:00}-{day:00}");
                bool real = DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
                Interlocked.Add(ref days, real ? 1 : 0);
                Assert.True(Date.Accepts($"\"{text}\"") == real, text);
                Assert.True(Moment.Accepts($"\"{text}T00:00:00Z\"") == real, text);
            },
            iter: 3000);
        Assert.InRange(days, 500, 2500);
        Assert.All((string[])["2000-02-29", "2024-02-29", "0004-02-29", "2001-01-01"], text => Assert.True(Date.Accepts($"\"{text}\""), text));
        Assert.All((string[])["1900-02-29", "2001-2-1", "2001-02-01 ", "02001-02-01", "2001/02/01", ""], text => Assert.False(Date.Accepts($"\"{text}\""), text));
    }

    [Theory]
    [InlineData("00:00:00Z", true)]
    [InlineData("23:59:59.123456789+14:00", true)]
    [InlineData("09:05:01-00:30", true)]
    [InlineData("09:05:01", false)]
    [InlineData("24:00:00Z", false)]
    [InlineData("09:60:00Z", false)]
    [InlineData("09:05:01.Z", false)]
    [InlineData("09:05:01+24:00", false)]
    [InlineData("9:05:01Z", false)]
    public void Times_have_an_offset(string text, bool valid)
    {
        Assert.Equal(valid, Time.Accepts($"\"{text}\""));
        Assert.Equal(valid, Moment.Accepts($"\"2026-03-31T{text}\""));
        Assert.False(Moment.Accepts($"\"2026-02-31T{text}\""));
    }

    [Fact]
    public void Texts_drawn_are_what_the_platform_reads()
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            Assert.True(Guid.TryParseExact(Drawn(Uuid, seed), "D", out _));
            string date = Drawn(Date, seed), moment = Drawn(Moment, seed);
            bool readable = DateOnly.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
            Assert.True(readable || date.StartsWith("0000", StringComparison.Ordinal), date);
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", moment);
        }

        static string Drawn(OutputConstraint constraint, ulong seed) => ConstraintCases.Draw(constraint, seed)!.Trim('"');
    }

    [Theory]
    [InlineData("""{"type":"string","format":"email"}""", "the format 'email', which is not supported. Supported are date, date-time, time, uuid")]
    [InlineData("""{"type":"integer","format":"int32"}""", "'int32'")]
    [InlineData("""{"type":"string","format":3}""", "the format '3'")]
    [InlineData("""{"type":"string","format":"date","pattern":"^2"}""", "'format' together with 'pattern'")]
    [InlineData("""{"format":"date","maxLength":10}""", "'format' together with 'maxLength'")]
    [InlineData("""{"const":"x","format":"date"}""", "'const' together with 'format'")]
    public void What_is_not_supported_is_named(string schema, string named) =>
        Assert.Contains(named, Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_format_is_of_strings_only()
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema("""{"type":["null","string"],"format":"uuid"}""");
        Assert.True(constraint.Accepts("null"));
        Assert.True(constraint.Accepts("\"0123abcd-ABCD-4000-8000-0123456789ab\""));
        Assert.False(constraint.Accepts("\"0123abcd-ABCD-4000-8000-0123456789a\""));
    }

    private static OutputConstraint Of(string format) => OutputConstraint.JsonSchema($$"""{"type":"string","format":"{{format}}"}""");
}
