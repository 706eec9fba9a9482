using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;

namespace Medix.Inference.Tests;

/// <summary>oneOf in JSON schemas: of alternatives that exclude each other.</summary>
public class ConstraintOneOfTests
{
    private const string Boxes =
        """
        {"$defs":{"box":{"oneOf":[{"type":"null"},
            {"type":"object","properties":{"in":{"$ref":"#/$defs/box"},"kind":{"const":"a"}},"required":["kind"]},
            {"type":"object","properties":{"in":{"$ref":"#/$defs/box"},"kind":{"enum":["b","c"]}},"required":["kind"]}]}},"$ref":"#/$defs/box"}
        """;

    private const string Definitions =
        """
        {"one":{"type":"object","properties":{"k":{"const":1}},"required":["k"]},"two":{"type":"object","properties":{"k":{"type":"null"}},"required":["k"]},
        "three":{"type":"object","properties":{"x":{"type":"object","properties":{"k":{}},"required":["k"]},"y":{"properties":{"k":{}}}},"required":["x","y"]}}
        """;

    /// <summary>Small alternatives that often overlap.</summary>
    private static readonly string[] Pool =
    [
        """{"type":"null"}""", """{"type":"integer"}""", """{"type":"number"}""", """{"type":["string","null"],"maxLength":2}""", """{"const":1.0}""", """{"enum":[1,2]}""",
        """{"enum":[3,"a",null],"type":["integer","string"]}""", """{"type":"integer","maximum":3}""", """{"type":"integer","exclusiveMinimum":3,"maximum":9}""",
        """{"type":"boolean"}""", """{"const":true}""", """{"type":"array","items":{"type":"null"},"maxItems":2}""", """{"const":{"a":1}}""",
        """{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""", """{"type":"object","properties":{"b":{"type":"null"}},"required":["b"]}""",
        """{"type":"object","properties":{"b":{"type":"null"}}}""",
        """{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}}}""", """{"type":"object","properties":{"a":{"type":"null"}},"required":["a"]}""",
        """{"type":"object","properties":{"a":{"const":1}},"additionalProperties":false}""", """{"type":"object","properties":{},"additionalProperties":false}""",
        """{"type":"object","properties":{"a":{"anyOf":[{"const":1},{"const":"x"}]},"b":{"type":"null"}},"required":["b"],"additionalProperties":false}""",
        """{"anyOf":[{"type":"boolean"},{"const":"abc"}]}""", """{"type":"object","properties":{"a":{"oneOf":[{"const":2},{"type":"null"}]}},"required":["a"]}""",
    ];

    [Fact]
    public void Every_text_drawn_under_oneOf_is_valid_by_exactly_one_alternative()
    {
        int drawn = 0, refused = 0;
        Gen.Select(Gen.Int[0, Pool.Length - 1], Gen.Int[0, Pool.Length - 1], Gen.ULong[0, 9]).Sample(
            (a, b, seed) =>
            {
                string schema = new JsonObject { ["oneOf"] = new JsonArray(JsonNode.Parse(Pool[a]), JsonNode.Parse(Pool[b])) }.ToJsonString();
                if (!Compiles(schema, out OutputConstraint? constraint))
                {
                    Interlocked.Increment(ref refused);
                    return;
                }

                Interlocked.Increment(ref drawn);
                string text = ConstraintCases.Draw(constraint!, seed) ?? throw new InvalidOperationException(schema);
                using JsonDocument value = JsonDocument.Parse(text), expected = JsonDocument.Parse(schema);
                string? fault = SchemaCases.Fault(expected.RootElement, value.RootElement);
                Assert.True(fault is null, $"{schema} gave {text}: {fault}");
            },
            iter: 1500);
        Assert.True(drawn > 500 && refused > 100, $"{drawn} drawn, {refused} refused");
    }

    [Theory]
    [InlineData(""" {"type":"string"},{"type":["null","integer"]},{"type":"object"} """)]
    [InlineData(""" {"type":"string"},{"const":1} """)]
    [InlineData(""" {"enum":["a","b"]},{"enum":["c",1]} """)]
    [InlineData(""" {"type":"integer","maximum":5},{"type":"integer","exclusiveMinimum":5} """)]
    [InlineData(""" {"type":"object","properties":{"k":{"const":1}},"required":["k"]},{"type":"object","properties":{"k":{"const":2}},"required":["k"]} """)]
    [InlineData(""" {"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}},"required":["b"]} """)]
    [InlineData(""" {"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}},"additionalProperties":false,"required":["b"]} """)]
    [InlineData(""" {"type":"object","properties":{"o":{"$ref":"#/$defs/one"}},"required":["o"]},{"type":"object","properties":{"o":{"$ref":"#/$defs/two"}},"required":["o"]} """)]
    [InlineData(""" {"type":"object","properties":{"k":{"const":1}},"required":["k"]},{"type":"object","properties":{"k":{"const":2}}} """)]
    [InlineData(""" {"const":0},{"type":"integer","minimum":1} """)]
    [InlineData(""" {"enum":[1,20.0,1e2,"a"]},{"type":["integer","null"],"minimum":2,"exclusiveMaximum":20} """)]
    [InlineData(""" {"type":"string"} """)]
    public void Alternatives_that_exclude_each_other_are_taken(string alternatives) =>
        Assert.True(Compiles($$$"""{"oneOf":[{{{alternatives}}}],"$defs":{{{Definitions}}}}""", out _));

    [Theory]
    [InlineData(""" {"type":"integer"},{"type":"number"} """)]
    [InlineData(""" {"type":"null"},{} """)]
    [InlineData(""" {"const":2e0},{"type":"integer","minimum":2} """)]
    [InlineData(""" {"const":1e18},{"type":"integer","minimum":2} """)]
    [InlineData(""" {"const":1e99999999999},{"const":2} """)]
    [InlineData(""" {"const":1e99999999999},{"type":"integer","minimum":2} """)]
    [InlineData(""" {"type":"object","properties":{"k":{"const":1},"a":{}},"required":["a"]},{"type":"object","properties":{"k":{"const":2},"a":{}},"required":["a"]} """)]
    [InlineData(""" {"type":"null"},true """)]
    [InlineData(""" {"type":"number"},{"const":1} """)]
    [InlineData(""" {"const":1},{"const":1.0} """)]
    [InlineData(""" {"const":{"a":1,"b":2}},{"const":{"b":2,"a":1}} """)]
    [InlineData(""" {"type":"string","pattern":"^a$"},{"type":"string","pattern":"^b$"} """)]
    [InlineData(""" {"type":"integer","maximum":5},{"type":"integer","minimum":5} """)]
    [InlineData(""" {"properties":{"a":{}},"required":["a"]},{"type":"string"} """)]
    [InlineData(""" {"type":"object","properties":{"k":{"const":1}}},{"type":"object","properties":{"k":{"const":2}}} """)]
    [InlineData(""" {"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object"} """)]
    [InlineData(""" {"type":"array","items":{"type":"null"}},{"type":"array","items":{"type":"string"}} """)]
    [InlineData(""" {"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}}} """)]
    [InlineData(""" {"properties":{"x":{"type":"object"},"y":{"type":"null"}},"required":["x","y"],"type":"object"},{"$ref":"#/$defs/three"} """)]
    public void Alternatives_that_may_both_hold_are_refused(string alternatives)
    {
        string schema = $$$"""{"items":{"oneOf":[{"type":"boolean"},{{{alternatives}}}]},"$defs":{{{Definitions}}}}""";
        string message = Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(schema)).Message;
        Assert.Matches("at #/items/oneOf has alternatives [01] and [12] that may both hold", message);
    }

    [Fact]
    public void Too_many_to_compare_are_not_said_to_overlap()
    {
        string alternatives = string.Join(',', Enumerable.Range(0, 1500).Select(i => $$"""{"const":{{i}}}"""));
        string message = Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema($$"""{"oneOf":[{{alternatives}}]}""")).Message;
        Assert.Contains("at #/oneOf has alternatives that take too long to compare", message, StringComparison.Ordinal);
    }

    /// <summary>As pydantic writes a union that a property tells apart.</summary>
    [Fact]
    public void A_discriminator_says_nothing_about_values()
    {
        const string pet =
            """
            {"discriminator":{"mapping":{"cat":"#/$defs/cat","dog":"#/$defs/dog"},"propertyName":"kind"},"oneOf":[{"$ref":"#/$defs/cat"},{"$ref":"#/$defs/dog"}],
            "$defs":{"cat":{"type":"object","properties":{"kind":{"const":"cat","type":"string"}},"required":["kind"]},
            "dog":{"type":"object","properties":{"kind":{"const":"dog","type":"string"}},"required":["kind"]}}}
            """;
        Assert.True(OutputConstraint.JsonSchema(pet).Accepts("""{"kind":"dog"}"""));
    }

    [Fact]
    public void References_may_go_in_circles()
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(Boxes);
        Assert.True(constraint.Accepts("""{"in":{"in":null,"kind":"c"},"kind":"a"}"""));
        Assert.False(Compiles(Boxes.Replace("\"c\"", "\"a\"", StringComparison.Ordinal), out _));
        const string endless =
            """
            {"$defs":{"a":{"type":"object","properties":{"n":{"$ref":"#/$defs/a"},"m":{"$ref":"#/$defs/b"}},"required":["n","m"]},
            "b":{"type":"object","properties":{"n":{"$ref":"#/$defs/b"},"m":{"$ref":"#/$defs/a"}},"required":["n","m"]}},
            "oneOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"},{"type":"null"}]}
            """;
        Assert.False(Compiles(endless, out _));
    }

    private static bool Compiles(string schema, out OutputConstraint? constraint)
    {
        try
        {
            constraint = OutputConstraint.JsonSchema(schema);
            return true;
        }
        catch (MedixException fault) when (((string[])["may both hold", "too long to compare"]).Any(part => fault.Message.Contains(part, StringComparison.Ordinal)))
        {
            constraint = null;
            return false;
        }
    }
}
