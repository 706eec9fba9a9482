using System.Xml.Linq;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Testing;

namespace Medix.Core.Tests.Conventions;

public class ConventionTests
{
    private static readonly string Source = Path.Combine(Repository.Root, "src");

    [Fact]
    public void Files_are_short_and_cleanly_formatted() =>
        AssertNone(SourceFiles("src", "tests", "bench").SelectMany(f => Conventions.FormatFaults(File.ReadAllText(f)).Select(x => $"{Short(f)}: {x}")));

    [Fact]
    public void Concrete_types_are_sealed() =>
        AssertNone(SourceFiles("src").SelectMany(f => Conventions.UnsealedTypes(File.ReadAllText(f)).Select(x => $"{Short(f)}: {x}")));

    [Fact]
    public void Nothing_is_promised_or_swallowed() =>
        AssertNone(SourceFiles("src", "bench").SelectMany(f => Conventions.Promises(File.ReadAllText(f)).Select(x => $"{Short(f)}: {x}")));

    [Fact]
    public void Core_folders_use_only_lower_layers() =>
        AssertNone(Conventions.CoreLayers.Keys.SelectMany(folder =>
            SourceFiles(Path.Combine("src", "Medix.Core", folder)).SelectMany(f => Conventions.LayerFaults(folder, File.ReadAllText(f)).Select(x => $"{Short(f)}: {x}"))));

    [Fact]
    public void Projects_reference_only_what_the_design_allows()
    {
        foreach (string project in Directory.GetFiles(Source, "*.csproj", SearchOption.AllDirectories))
        {
            string name = Path.GetFileNameWithoutExtension(project);
            IEnumerable<string> references = XDocument.Load(project).Descendants("ProjectReference")
                .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.Equal(Conventions.AllowedReferences[name].Order(), references.Order());
        }
    }

    [Fact]
    public void Every_recipe_validates_and_names_its_schema()
    {
        string[] recipes = Directory.GetFiles(Path.Combine(Repository.Root, "recipes", "train"), "*.json");
        Assert.NotEmpty(recipes);
        foreach (string recipe in recipes)
        {
            string[] changes = File.ReadAllText(recipe).Contains("\"phantoms\"", StringComparison.Ordinal) ? [] : ["data.path=somewhere"];
            Assert.NotNull(RecipeLoader.Load(recipe, changes));
            Assert.Contains("\"$schema\": \"../schema.json\"", File.ReadAllText(recipe), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_published_schema_is_the_one_the_code_checks()
    {
        string path = Path.Combine(Repository.Root, "recipes", "schema.json");
        string expected = RecipeSchema.ForTraining().ToJsonString(EventLog.Indented) + "\n";
        Assert.True(File.ReadAllText(path) == expected, "recipes/schema.json is stale: write it again with `medix recipes --schema > recipes/schema.json`.");
    }

    [Theory]
    [InlineData("public class Open { }")]
    [InlineData("    internal partial class Open(int x);")]
    [InlineData("public record Open(int X);")]
    public void The_sealed_rule_catches(string text) => Assert.Equal(["Open"], Conventions.UnsealedTypes(text));

    [Theory]
    [InlineData("public sealed record Closed(int X);")]
    [InlineData("public abstract class Base;")]
    [InlineData("internal static unsafe partial class Tools;")]
    [InlineData("public readonly record struct Point(int X);")]
    public void The_sealed_rule_lets_pass(string text) => Assert.Empty(Conventions.UnsealedTypes(text));

    [Fact]
    public void The_format_rule_catches()
    {
        Assert.Single(Conventions.FormatFaults("a \n"));
        Assert.Single(Conventions.FormatFaults("a\tb\n"));
        Assert.Single(Conventions.FormatFaults("a"));
        Assert.Single(Conventions.FormatFaults(new string('x', Conventions.MaxColumns + 1) + "\n"));
        Assert.Single(Conventions.FormatFaults(string.Concat(Enumerable.Repeat("x\n", Conventions.MaxLines + 1))));
        Assert.Empty(Conventions.FormatFaults("a\nb\n"));
    }

    [Fact]
    public void The_promise_rule_catches()
    {
        Assert.Single(Conventions.Promises("throw new NotImplemented" + "Exception();"));
        Assert.Single(Conventions.Promises("try { } catch (IOException) { }"));
        Assert.Empty(Conventions.Promises("catch (IOException e) { Log(e); }"));
    }

    [Fact]
    public void The_layer_rule_catches()
    {
        Assert.Single(Conventions.LayerFaults("Text", "using Medix.Rewards;\n"));
        Assert.Empty(Conventions.LayerFaults("Rewards", "using Medix.Text;\n"));
    }

    private static IEnumerable<string> SourceFiles(params string[] folders) =>
        folders.SelectMany(f => Directory.EnumerateFiles(Path.Combine(Repository.Root, f), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));

    private static string Short(string path) => Path.GetRelativePath(Repository.Root, path);

    private static void AssertNone(IEnumerable<string> faults) => Assert.True(!faults.Any(), string.Join(Environment.NewLine, faults));
}
