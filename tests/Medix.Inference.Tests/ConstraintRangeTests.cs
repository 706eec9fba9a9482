using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;

namespace Medix.Inference.Tests;

/// <summary>Bounds of integers in JSON schemas.</summary>
public class ConstraintRangeTests
{
    private const long Largest = 999_999_999_999_999_999;

    /// <summary>Integers of all lengths alike.</summary>
    private static readonly Gen<long> Integers = Gen.Int[0, 18].SelectMany(digits => Gen.Long[-(long)Math.Pow(10, digits) + 1, (long)Math.Pow(10, digits) - 1])
        .Select(value => Math.Clamp(value, -Largest, Largest));

    private static readonly string?[] Lower = [null, "minimum", "exclusiveMinimum"], Upper = [null, "maximum", "exclusiveMaximum"];

    [Fact]
    public void An_integer_is_accepted_exactly_if_it_is_in_the_range()
    {
        int inside = 0, outside = 0, empty = 0;
        Gen.Select(Integers, Integers, Gen.Int[0, 2].Select(i => Lower[i]), Gen.Int[0, 2].Select(i => Upper[i]), Integers.Array[8]).Sample(
            (a, b, lower, upper, values) =>
            {
                (long low, long high) = a % 7 == 0 ? (a, b) : (Math.Min(a, b), Math.Max(a, b));
                JsonObject schema = new() { ["type"] = "integer" };
                _ = lower is null ? null : schema[lower] = low;
                _ = upper is null ? null : schema[upper] = high;
                Int128 least = lower is null ? -Largest : lower[0] == 'e' ? (Int128)low + 1 : low, most = upper is null ? Largest : upper[0] == 'e' ? (Int128)high - 1 : high;
                if (least > most || least > Largest || most < -Largest)
                {
                    Interlocked.Increment(ref empty);
                    Assert.Contains("no integer", Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(schema.ToJsonString())).Message, StringComparison.Ordinal);
                    return;
                }

                OutputConstraint constraint = OutputConstraint.JsonSchema(schema.ToJsonString());
                long[] near = [low - 1, low, low + 1, high - 1, high, high + 1, -low, -high, low / 10, high / 10, (low / 2) + (high / 2), 0];
                foreach (long value in values.Concat(near).Where(value => Math.Abs(value) <= Largest))
                {
                    bool expected = least <= value && value <= most;
                    Interlocked.Add(ref expected ? ref inside : ref outside, 1);
                    string text = value.ToString(CultureInfo.InvariantCulture);
                    Assert.True(constraint.Accepts(text) == expected, $"{schema.ToJsonString()} and {text}");
                    Assert.False(constraint.Accepts(text + ".0") || constraint.Accepts("0" + text) || constraint.Accepts("-0") || constraint.Accepts(""));
                }
            },
            iter: 1500);
        Assert.True(inside > 5000 && outside > 5000 && empty > 10, $"{inside} inside, {outside} outside, {empty} empty");
    }

    [Theory]
    [InlineData("""{"type":"integer","minimum":5.0,"maximum":1e2}""", "5|42|100", "4|101|-5|0")]
    [InlineData("""{"type":"integer","minimum":2.5,"maximum":0.35E1}""", "3", "2|4")]
    [InlineData("""{"type":"integer","exclusiveMinimum":-2.5,"exclusiveMaximum":-0.5}""", "-2|-1", "-3|0|1")]
    [InlineData("""{"type":"integer","minimum":-2.5,"maximum":-1.5}""", "-2", "-3|-1|0")]
    [InlineData("""{"type":"integer","exclusiveMinimum":1,"minimum":0,"exclusiveMaximum":4e0,"maximum":3}""", "2|3", "0|1|4")]
    [InlineData("""{"type":"integer","minimum":-0.0,"maximum":0e99999999999}""", "0", "1|-1")]
    [InlineData("""{"type":"integer","minimum":1e-99999999999,"maximum":1e99999999999}""", "1|999999999999999999", "0|1000000000000000000")]
    [InlineData("""{"type":"integer","minimum":-1e400,"maximum":-0.000001}""", "-1|-999999999999999999", "0|1")]
    [InlineData("""{"type":["integer","null","string"],"minimum":7,"maxLength":1}""", "null|7|\"6\"", "6|\"77\"")]
    [InlineData("""{"type":"string","minimum":7}""", "\"\"", "7")]
    public void Bounds_are_read_as_numbers(string schema, string valid, string invalid)
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(schema);
        Assert.All(valid.Split('|'), text => Assert.True(constraint.Accepts(text), text));
        Assert.All(invalid.Split('|'), text => Assert.False(constraint.Accepts(text), text));
    }

    [Theory]
    [InlineData("""{"properties":{"x":{"type":"integer","minimum":5,"maximum":4}},"type":"object"}""", "#/properties/x has minimum 5 and maximum 4, which leave no integer")]
    [InlineData("""{"type":"integer","exclusiveMinimum":3,"exclusiveMaximum":4}""", "no integer")]
    [InlineData("""{"type":"integer","minimum":0.1,"maximum":0.9}""", "no integer")]
    [InlineData("""{"type":"integer","minimum":1e18}""", "no integer of at most 18 digits")]
    [InlineData("""{"type":"integer","exclusiveMinimum":true}""", "exclusiveMinimum true, expected a number")]
    [InlineData("""{"type":"number","minimum":3}""", "'minimum' for the type number, which is supported for integers only")]
    [InlineData("""{"exclusiveMaximum":3}""", "'exclusiveMaximum' for the type number")]
    [InlineData("""{"type":"integer","multipleOf":3}""", "'multipleOf'")]
    public void What_cannot_be_is_named(string schema, string named) =>
        Assert.Contains(named, Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    [Fact]
    public void Integers_drawn_within_bounds_are_within_them()
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema("""{"type":"integer","minimum":-120,"maximum":1300}""");
        for (ulong seed = 0; seed < 100; seed++)
        {
            using JsonDocument value = JsonDocument.Parse(ConstraintCases.Draw(constraint, seed) ?? "");
            Assert.InRange(value.RootElement.GetInt64(), -120, 1300);
        }
    }
}
