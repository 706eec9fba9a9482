using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Weights.Inspection;

/// <summary>Tokenizer and licence as a folder's files tell them.</summary>
public sealed class FolderFactsTests : IDisposable
{
    private readonly TempFolder folder = new();

    [Theory]
    [InlineData("---\nlicense: apache-2.0\ntags: [a]\n---\n# x", "apache-2.0")]
    [InlineData("---\r\nlanguage: en\r\nlicense: \"cc-by-nc-sa-4.0\" # of the data\r\n---\r\n", "cc-by-nc-sa-4.0")]
    [InlineData("---\nlicense:\n  - mit\n  - apache-2.0\nlanguage:\n  - en\n---\n", "mit, apache-2.0")]
    [InlineData("---\nlicense: [mit, gpl-3.0]\n---\n", "mit, gpl-3.0")]
    [InlineData("---\nlicense: other\nlicense_name: qwen-research\n---\n", "other: qwen-research")]
    [InlineData("---\nlicense_name: x\n---\nlicense: mit", null)]
    [InlineData("---\nlicense: mit\nno end", null)]
    [InlineData("license: mit", null)]
    [InlineData("# A title\nlicense: mit\n---\n", null)]
    [InlineData("", null)]
    public void The_model_card_names_the_licence(string card, string? licence)
    {
        File.WriteAllText(folder.File("README.md"), card);
        Assert.Equal(licence, LicenceReader.Read(folder.Path)?.Name);
    }

    [Theory]
    [InlineData("                                 Apache License\n   Version 2.0, January 2004", "apache-2.0")]
    [InlineData("Copyright\n\nPermission is hereby granted, free\nof charge, to any\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT", "mit")]
    [InlineData("Redistribution and use in source and binary forms, ... Neither the name of", "bsd-3-clause")]
    [InlineData("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "cc-by-nc-sa-4.0")]
    [InlineData("Terms of our own", "not recognised, it begins: Terms of our own")]
    public void A_licence_file_is_recognised_by_its_text(string text, string licence)
    {
        File.WriteAllText(folder.File("README.md"), "# no front matter");
        File.WriteAllText(folder.File("LICENSE.txt"), text);
        Assert.Equal(new LicenceSummary(licence, "LICENSE.txt"), LicenceReader.Read(folder.Path));
    }

    [Fact]
    public void The_licence_of_this_repository_is_recognised() =>
        Assert.Equal(new LicenceSummary("apache-2.0", "LICENSE"), LicenceReader.Read(Repository.Root) is { Source: "LICENSE" } found ? found : null);

    [Fact]
    public void The_built_in_model_has_a_byte_level_tokenizer_with_chat_template()
    {
        ModelReport report = ModelInspector.Inspect(Path.Combine(Repository.Root, "models", "nano"));
        Assert.Empty(report.Faults);
        Assert.Equal(("byte-level BPE", true), (report.Tokenizer!.Kind, report.Tokenizer.ChatTemplate));
        Assert.Equal(report.Tokenizer.LargestId + 1, report.Tokenizer.Vocabulary);
    }

    [Fact]
    public void Tokens_are_counted_once_each_in_every_form()
    {
        Write("tokenizer.json", """{"model": {"type": "Unigram", "vocab": [["a", 0], ["b", 1]]}, "added_tokens": [{"id": 1, "content": "b"}, {"id": 7, "content": "<s>"}]}""");
        Assert.Equal(new TokenizerSummary("Unigram", 3, false, "tokenizer.json") { LargestId = 7 }, TokenizerSummaryReader.Read(folder.Path));
        File.Delete(folder.File("tokenizer.json"));
        Write("vocab.json", """{"a": 0, "b": 1}""");
        Write("merges.txt", "");
        Write("tokenizer_config.json", """{"added_tokens_decoder": {"2": {"content": "<s>"}}, "chat_template": [{"name": "default"}]}""");
        Assert.Equal(new TokenizerSummary("byte-level BPE", 3, true, "vocab.json") { LargestId = 2 }, TokenizerSummaryReader.Read(folder.Path));
        File.Delete(folder.File("vocab.json"));
        Assert.Null(TokenizerSummaryReader.Read(folder.Path));
        Write("vocab.txt", "[PAD]\n[UNK]\nx\n");
        Assert.Equal(("WordPiece", 3), (TokenizerSummaryReader.Read(folder.Path)!.Kind, TokenizerSummaryReader.Read(folder.Path)!.Vocabulary));
    }

    [Fact]
    public void A_tokenizer_of_another_model_is_a_fault()
    {
        TinyModel.Save(folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        Write("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"a": 40}}}""");
        Assert.Contains("id 40", Assert.Single(ModelInspector.Inspect(folder.Path).Faults), StringComparison.Ordinal);
        Write("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"a": 39}}}""");
        Assert.Empty(ModelInspector.Inspect(folder.Path).Faults);
    }

    public void Dispose() => folder.Dispose();

    private void Write(string name, string text) => File.WriteAllText(folder.File(name), text);
}
