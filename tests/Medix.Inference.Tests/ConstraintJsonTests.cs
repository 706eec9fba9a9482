using System.Text.Json;
using CsCheck;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Tests;

public class ConstraintJsonTests
{
    private const string Tree =
        """
        {"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["v"]}},
        "$ref":"#/$defs/node"}
        """;

    [Fact]
    public void Every_text_drawn_under_a_schema_is_json_that_the_schema_accepts()
    {
        int finished = 0;
        Gen.ULong.Sample(
            seed =>
            {
                string schema = SchemaCases.Random(Seed.Random(seed), 3).ToJsonString();
                OutputConstraint constraint = OutputConstraint.JsonSchema(schema, seed % 2 == 0 ? JsonSpacing.Compact : JsonSpacing.SingleSpaces);
                string? text = ConstraintCases.Draw(constraint, seed, mostTokens: 1500);
                if (text is not null)
                {
                    Interlocked.Increment(ref finished);
                    AssertValid(schema, text);
                    Assert.True(constraint.Accepts(text));
                    Assert.False(constraint.Accepts(text + " "));
                }
            },
            iter: 250);
        Assert.True(finished > 235, $"only {finished} of 250 texts came to their end");
    }

    [Fact]
    public void A_model_writes_valid_json_from_random_weights()
    {
        using Qwen3VLModel model = RandomModels.Create(2, ConstraintCases.Model);
        BatchedGenerator generator = new(model, 8, ConstraintCases.Vocabulary);
        string[] schemas = [.. Enumerable.Range(0, 25).Select(i => SchemaCases.Random(Seed.Random(77, (ulong)i), 2).ToJsonString())];
        GenerationRequest[] requests = [.. schemas.Select((schema, i) => new GenerationRequest(RandomModels.Text(5, (ulong)i), [1, 2])
        {
            Options = new SamplingOptions(450, i % 5 == 0 ? 0 : 1) { Constraint = OutputConstraint.JsonSchema(schema) },
        })];
        IReadOnlyList<IReadOnlyList<Completion>> all = generator.Generate(requests, new SamplingOptions(1), cancellationToken: TestContext.Current.CancellationToken);
        int finished = 0;
        for (int i = 0; i < schemas.Length; i++)
        {
            foreach (Completion completion in all[i].Where(c => c.FinishReason == FinishReason.Stop))
            {
                finished++;
                AssertValid(schemas[i], completion.Text(ConstraintCases.Vocabulary));
            }
        }

        Assert.True(finished > 40, $"only {finished} of 50 texts came to their end");
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"const":1},"c":{"type":"null"}},"required":["b"]}""",
        """{"b":1}|{"a":-7,"b":1}|{"b":1,"c":null}|{"a":0,"b":1,"c":null}""", """{}|{"b":1,"a":2}|{"a":01,"b":1}|{"b":1,}|{"b": 1}|{"b":1,"d":1}""")]
    [InlineData("""{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}""", "[true]|[true,false]|[true,true,true]", "[]|[true,true,true,true]|[true,]")]
    [InlineData("""{"type":"array","maxItems":0}""", "[]", "[1]")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"ab\"|\"a\\n😀\"|\"\\ud83d\\ude00x\"", "\"a\"|\"abcd\"|\"\\ud83d\"|\"a\nb\"")]
    [InlineData("""{"type":"string","pattern":"b+"}""", "\"b\"|\"abba\"|\"é\\nb\"", "\"\"|\"aca\"")]
    [InlineData("""{"pattern":"^b"}""", "\"b\"|\"bc\"", "\"ab\"")]
    [InlineData("""{"type":"number"}""", "0|-0.5|1e-5|123.25E+10", "01|.5|1.|+1|1e")]
    [InlineData("""{"enum":["a",1,null],"type":["string","null"]}""", "\"a\"|null", "1")]
    [InlineData("""{"allOf":[{"type":"null"}]}""", "null", "1")]
    [InlineData("{}", """{"a":[1,{"b":null}],"c":""}|[]|true|"x"|-1.5""", "{a:1}|[1 ]|tru")]
    [InlineData("""{"type":"object"}""", """{}|{"a":[1,{"b":null}]}""", "[]|1")]
    [InlineData(Tree, """{"v":1}|{"v":1,"next":[]}|{"v":1,"next":[{"v":2,"next":[{"v":3}]},{"v":4}]}""", """{"v":1,"next":[{}]}|{"next":[]}""")]
    public void A_schema_accepts_and_refuses(string schema, string valid, string invalid)
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(schema);
        Assert.All(valid.Split('|'), text => Assert.True(constraint.Accepts(text), text));
        Assert.All(invalid.Split('|'), text => Assert.False(constraint.Accepts(text), text));
    }

    [Fact]
    public void Recursion_stays_within_what_a_reader_takes_and_never_gets_stuck()
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(Tree);
        Assert.True(constraint.Accepts(Nested(32)));
        Assert.False(constraint.Accepts(Nested(33)));
        using JsonDocument deepest = JsonDocument.Parse(Nested(32));
        OutputConstraint lists = OutputConstraint.JsonSchema("""{"$defs":{"l":{"type":"array","items":{"$ref":"#/$defs/l"}}},"$ref":"#/$defs/l"}""");
        int deep = 0;
        for (ulong seed = 0; seed < 60; seed++)
        {
            // Ends are unlikely, so that draws run into the limit.
            string? text = ConstraintCases.Draw(lists, seed, -3, 3000);
            if (text is not null)
            {
                using JsonDocument document = JsonDocument.Parse(text);
                deep = Math.Max(deep, text.Length);
            }
        }

        Assert.True(deep > 2);

        static string Nested(int levels) => levels == 1 ? """{"v":1}""" : $$"""{"v":1,"next":[{{Nested(levels - 1)}}]}""";
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"x":{"type":"integer","multipleOf":2}}}""", "#/properties/x uses the keyword 'multipleOf'")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "'uniqueItems'")]
    [InlineData("""{"not":{}}""", "'not'")]
    [InlineData("""{"type":"strin"}""", "'strin'")]
    [InlineData("""{"type":"object","additionalProperties":{"type":"integer"}}""", "additionalProperties")]
    [InlineData("""{"type":"object","required":["z"]}""", "'z'")]
    [InlineData("""{"anyOf":[]}""", "#/anyOf")]
    [InlineData("""{"anyOf":[false]}""", "#/anyOf/0 is false")]
    [InlineData("""{"anyOf":[{}],"type":"object"}""", "'type'")]
    [InlineData("""{"$ref":"#/$defs/no"}""", "#/$defs/no")]
    [InlineData("""{"$ref":"other.json"}""", "other.json")]
    [InlineData("""{"$ref":"#"}""", "circles")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", "minItems 3")]
    [InlineData("""{"type":"string","maxLength":-1}""", "maxLength -1")]
    [InlineData("""{"type":"string","maxLength":99999999}""", "99999999")]
    [InlineData("""{"type":"string","pattern":"(?=a)"}""", "(?=a)")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "accepts no text")]
    [InlineData("""{"type":"object","properties":{"a":{},"a":{}}}""", "not valid JSON")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{"const":"\ud800"}""", "not valid Unicode")]
    [InlineData("""{"enum":[1],"type":"string"}""", "#/enum")]
    [InlineData("""{"type":"string","properties":3,"items":{},"enum":[]}""", "'properties'")]
    [InlineData("""{"properties":{},"items":{}}""", "object and array")]
    public void What_is_not_supported_is_named(string schema, string named) =>
        Assert.Contains(named, Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    [Fact]
    public void Bombs_are_refused()
    {
        string doubled = string.Concat(Enumerable.Range(0, 60).Select(i =>
            $$""" "d{{i}}":{"type":"array","items":{"$ref":"#/$defs/d{{i + 1}}"},"minItems":9000,"maxItems":9000},"""));
        string bomb = $$"""{"$defs":{ {{doubled}} "d60":{"type":"null"} },"$ref":"#/$defs/d0"}""";
        Assert.Contains("100000 automaton nodes", Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(bomb)).Message, StringComparison.Ordinal);
        string chain = string.Concat(Enumerable.Range(0, 5000).Select(i => $$""" "d{{i}}":{"$ref":"#/$defs/d{{i + 1}}"},"""));
        string deep = $$"""{"$defs":{ {{chain}} "d5000":{"type":"null"} },"$ref":"#/$defs/d0"}""";
        Assert.Contains("deeper than", Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(deep)).Message, StringComparison.Ordinal);
        string levels = string.Concat(Enumerable.Range(0, 70).Select(i => $$""" "d{{i}}":{"type":"array","items":{"$ref":"#/$defs/d{{i + 1}}"},"minItems":1},"""));
        string nested = $$"""{"$defs":{ {{levels}} "d70":{"type":"null"} },"$ref":"#/$defs/d0"}""";
        Assert.Contains("needs 70 levels", Assert.Throws<MedixException>(() => OutputConstraint.JsonSchema(nested)).Message, StringComparison.Ordinal);
    }

    private static void AssertValid(string schema, string text)
    {
        using JsonDocument value = JsonDocument.Parse(text), expected = JsonDocument.Parse(schema);
        string? fault = SchemaCases.Fault(expected.RootElement, value.RootElement);
        Assert.True(fault is null, $"{schema} gave {text}: {fault}");
    }
}
