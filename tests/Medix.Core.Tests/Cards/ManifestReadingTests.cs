using System.Text.Json.Nodes;
using Medix.Core.Tests.Reports;
using Medix.Evaluation.Cards;
using Medix.Runs;
using Medix.Runs.Licenses;

namespace Medix.Core.Tests.Cards;

/// <summary>Manifests from elsewhere, and folders as downloads leave them.</summary>
public sealed class ManifestReadingTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-manifest-").FullName;

    public ManifestReadingTests()
    {
        File.WriteAllText(Path.Combine(folder, "model.safetensors"), "weights");
        ModelCardWriter.Write(FakeReport.Of(2), LicenseCheck.Combine([new("weights", "x", [LicenseTable.Named("mit")], "a test", "mit")]), folder);
    }

    private string ManifestPath => Path.Combine(folder, ModelManifest.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(".gitattributes")]
    [InlineData(".gitignore")]
    [InlineData(".cache/huggingface/download/model.safetensors.metadata")]
    [InlineData(".git/config")]
    public void What_a_download_leaves_is_no_fault(string name)
    {
        Write(name);
        Assert.Empty(ModelManifest.Verify(folder));
        Assert.DoesNotContain(ModelManifest.FilesOf(folder), file => file.Name == name);
    }

    [Theory]
    [InlineData(".hidden.py")]
    [InlineData("extra/gitattributes")]
    public void Any_other_file_is(string name)
    {
        Write(name);
        Assert.Equal([new ManifestFault(name, FileFault.Unlisted)], ModelManifest.Verify(folder));
    }

    [Fact]
    public void A_link_is_what_it_leads_to()
    {
        string path = Path.Combine(folder, "model.safetensors"), blob = Path.Combine(folder, ".cache", "blob");
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        File.Move(path, blob);
        File.CreateSymbolicLink(path, blob);
        Assert.Empty(ModelManifest.Verify(folder));
        File.AppendAllText(blob, "x");
        Assert.Equal([new ManifestFault("model.safetensors", FileFault.Changed)], ModelManifest.Verify(folder));
    }

    [Theory]
    [InlineData("files", "null", "files: found null")]
    [InlineData("files", "7", "files: found 7")]
    [InlineData("files", "{}", "files: found an object")]
    [InlineData("files", "[null]", "files[0]: found null")]
    [InlineData("files", "[7]", "files[0]: found 7")]
    [InlineData("files", """[{"name": null, "bytes": 1, "sha256": "00"}]""", "files[0].name: found null")]
    [InlineData("files", """[{"name": "x", "bytes": "many", "sha256": "00"}]""", "files[0].bytes: found \"many\"")]
    [InlineData("files", """[{"bytes": 1, "sha256": "00"}]""", "files[0].name: found nothing")]
    [InlineData("files", null, "files: found nothing")]
    [InlineData("base", "null", "base: found null")]
    [InlineData("base", """{"id": "x"}""", "base.sha256, base.parameters: found nothing")]
    [InlineData("recipe", "[]", "recipe: found a list")]
    [InlineData("recipe", """{"steps": "few"}""", "recipe.steps: found \"few\"")]
    [InlineData("evaluation", """{"method": null}""", "evaluation.method: found null")]
    [InlineData("licenses", "{}", "licenses.parts")]
    [InlineData("started", "\"soon\"", "started: found \"soon\"")]
    [InlineData("format", "2", "format is 2, expected 1")]
    [InlineData("format", "\"one\"", "format is \"one\", expected 1")]
    public void A_wrong_field_is_named_with_its_file(string field, string? value, string expected)
    {
        JsonObject manifest = JsonNode.Parse(File.ReadAllText(ManifestPath))!.AsObject();
        manifest.Remove(field);
        if (value is not null)
        {
            manifest[field] = JsonNode.Parse(value);
        }

        File.WriteAllText(ManifestPath, manifest.ToJsonString());
        string message = Assert.Throws<MedixException>(() => ModelManifest.Verify(folder)).Message;
        Assert.StartsWith(ManifestPath, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    /// <summary>Whatever field is made null, text or number, or left out: read, or refused in words.</summary>
    [Fact]
    public void No_damage_to_any_field_ends_in_another_exception()
    {
        string whole = File.ReadAllText(ManifestPath);
        string[] paths = [.. Fields(JsonNode.Parse(whole)!).Select(node => node.GetPath())];
        Assert.True(paths.Length > 100, $"{paths.Length} fields");
        int refused = 0;
        foreach (string path in paths)
        {
            foreach (string? value in new[] { "null", "\"x\"", "-1", "[]", "{}", null })
            {
                JsonNode root = JsonNode.Parse(whole)!;
                Put(Fields(root).First(node => node.GetPath() == path), value);
                File.WriteAllText(ManifestPath, root.ToJsonString());
                refused += Record.Exception(() => ModelManifest.Verify(folder)) switch
                {
                    null => 0,
                    MedixException => 1,
                    var other => throw new Xunit.Sdk.XunitException($"{path} = {value}: {other}"),
                };
            }
        }

        Assert.True(refused > paths.Length, $"{refused} refusals of {paths.Length} fields");
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("""{"files": [], "files": []}""")]
    public void What_is_no_object_is_no_manifest(string text)
    {
        File.WriteAllText(ManifestPath, text);
        Assert.Contains("not a manifest", Assert.Throws<MedixException>(() => ModelManifest.Read(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\u0000b")]
    [InlineData("")]
    [InlineData("..")]
    public void A_name_that_is_none_is_outside(string name)
    {
        JsonObject manifest = JsonNode.Parse(File.ReadAllText(ManifestPath))!.AsObject();
        manifest["files"]![0]!["name"] = name;
        File.WriteAllText(ManifestPath, manifest.ToJsonString());
        Assert.Contains("inside the folder", Assert.Throws<MedixException>(() => ModelManifest.Verify(folder)).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<JsonNode> Fields(JsonNode node) => node switch
    {
        JsonObject fields => fields.Select(field => field.Value).OfType<JsonNode>().SelectMany(value => Fields(value).Prepend(value)),
        JsonArray items => items.OfType<JsonNode>().SelectMany(value => Fields(value).Prepend(value)),
        _ => [],
    };

    private static void Put(JsonNode node, string? value)
    {
        switch (node.Parent)
        {
            case JsonObject fields when value is null:
                fields.Remove(node.GetPropertyName());
                break;
            case JsonObject fields:
                fields[node.GetPropertyName()] = JsonNode.Parse(value!);
                break;
            case JsonArray items when value is not null:
                items[node.GetElementIndex()] = JsonNode.Parse(value);
                break;
            case var items:
                items!.AsArray().Remove(node);
                break;
        }
    }

    private void Write(string name)
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "something");
    }
}
