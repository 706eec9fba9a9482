using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;
using Medix.Testing;

namespace Medix.Core.Tests.Runs.Licenses;

public sealed class LicenseTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-licence-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("apache-2.0", "Apache-2.0", LicenseTerms.Permissive)]
    [InlineData("MIT License", "MIT", LicenseTerms.Permissive)]
    [InlineData("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", LicenseTerms.NonCommercial | LicenseTerms.ShareAlike)]
    [InlineData("CC BY-NC-ND 4.0", "CC-BY-NC-ND-4.0", LicenseTerms.NonCommercial | LicenseTerms.NoDerivatives)]
    [InlineData("Creative Commons Attribution Non Commercial Share Alike 4.0", "CC-BY-NC-SA-4.0", LicenseTerms.NonCommercial | LicenseTerms.ShareAlike)]
    [InlineData("gpl-3.0-or-later", "GPL-3.0", LicenseTerms.ShareAlike)]
    [InlineData("llama3.1", "llama3.1", LicenseTerms.Unknown)]
    [InlineData("cc", "cc", LicenseTerms.Unknown)]
    [InlineData("", "", LicenseTerms.Unknown)]
    public void A_name_gives_its_terms(string name, string id, LicenseTerms terms)
    {
        License license = LicenseTable.MentionedIn(name) is [var mentioned] ? mentioned : LicenseTable.Named(name);
        Assert.Equal((id, terms), (license.Id, license.Terms));
    }

    [Fact]
    public void Every_row_of_the_table_is_found_by_its_own_names_and_names_only_rows()
    {
        Assert.NotEmpty(LicenseTable.All);
        Assert.All(LicenseTable.All, license => Assert.Same(license, LicenseTable.Named(license.Id)));
        Assert.All(LicenseTable.All.SelectMany(license => license.Becomes), id => Assert.True(LicenseTable.Named(id).Has(LicenseTerms.ShareAlike), id));
        Assert.All(LicenseTable.All.Where(license => license.Becomes.Count > 0), license => Assert.True(license.Has(LicenseTerms.ShareAlike), license.Id));
    }

    [Theory]
    [InlineData(
        "Per row in metadata.csv: CC BY 4.0 x6, CC BY 3.0 x6, CC BY x2, CC BY-SA x1, CC BY-NC-SA (4.0) x35.",
        "CC-BY-4.0, CC-BY-3.0, CC-BY (version unknown), CC-BY-SA (version unknown), CC-BY-NC-SA-4.0")]
    [InlineData("bert-base-uncased vocab: Apache-2.0 (google-research/bert); questions are SQuAD (CC BY-SA 4.0)", "Apache-2.0, CC-BY-SA-4.0")]
    [InlineData("US Government work, public domain notice (LICENSE kept)", "LicenseRef-Public-Domain")]
    [InlineData("No licence file; paper calls it public", "")]
    [InlineData("Admitted patients, submitted twice", "")] // "mit" only as a word of its own
    public void A_sentence_gives_every_licence_it_names(string prose, string ids) =>
        Assert.Equal(ids, string.Join(", ", LicenseTable.MentionedIn(prose)));

    [Theory]
    [InlineData("Apache License\n    Version 2.0, January 2004", "Apache-2.0")]
    [InlineData("MIT License\n\nCopyright (c) x\n\nPermission is hereby granted, free of charge, to any person obtaining a copy", "MIT")]
    [InlineData("Attribution-NonCommercial-ShareAlike 4.0 International\n====", "CC-BY-NC-SA-4.0")]
    [InlineData("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007 ... GNU Affero General Public License", "GPL-3.0")]
    [InlineData("All rights reserved.", null)]
    public void A_licence_text_is_told_by_its_opening(string text, string? id) => Assert.Equal(id, LicenseTable.OfText(text)?.Id);

    [Fact]
    public void This_repositorys_licence_and_nanos_are_read_from_their_files()
    {
        Assert.Equal("Apache-2.0", LicenseTable.OfText(File.ReadAllText(Path.Combine(Repository.Root, "LICENSE")))?.Id);
        Assert.Equal("Apache-2.0", LicenseReader.OfModel("nano", Path.Combine(Repository.Root, "models", "nano"), null).Names);
    }

    [Theory]
    [InlineData("apache-2.0", "cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", false, "must be CC-BY-NC-SA-4.0 (share-alike, non-commercial)")]
    [InlineData("apache-2.0", "cc-by-nc-4.0", "CC-BY-NC-4.0", false, "must be CC-BY-NC-4.0 (non-commercial)")]
    [InlineData("mit", "apache-2.0", "Apache-2.0", false, null)]
    [InlineData("apache-2.0", "cc0-1.0", "Apache-2.0", false, null)]
    [InlineData("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", false, "must be CC-BY-NC-SA-4.0")]
    [InlineData("cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", false, "must be CC-BY-NC-SA-4.0")]
    [InlineData("gpl-3.0", "cc-by-sa-4.0", "GPL-3.0", false, "must be GPL-3.0")]
    [InlineData("cc-by-sa-4.0", "cc-by-nc-sa-4.0", null, true, "CC-BY-SA-4.0 and CC-BY-NC-SA-4.0 each ask")]
    [InlineData("gpl-2.0", "agpl-3.0", null, true, "no licence satisfies both")]
    [InlineData("gpl-3.0", "cc-by-nc-4.0", null, true, "which CC-BY-NC-4.0 forbids")]
    [InlineData("apache-2.0", "cc-by-nc-nd-4.0", null, true, "CC-BY-NC-ND-4.0 allows no derivatives")]
    [InlineData("apache-2.0", "llama3.1", null, false, "terms that Medix does not know (llama3.1")]
    [InlineData("llama3.1", "cc-by-nc-sa-4.0", null, false, "at least CC-BY-NC-SA-4.0")]
    [InlineData("cc-by-sa-2.0", "mpl-2.0", "GPL-3.0", false, "must be GPL-3.0")]
    [InlineData("CC BY-SA", "cc-by-sa-4.0", "CC-BY-SA-4.0", false, "must be CC-BY-SA-4.0")]
    [InlineData("CC BY-NC-SA", "cc-by-4.0", "CC-BY-NC-SA", false, "must be CC-BY-NC-SA (version unknown)")]
    [InlineData("CC BY-SA", "CC BY-NC-SA", null, true, "no licence satisfies both")]
    [InlineData("cc-by-sa-1.0", "cc-by-sa-4.0", null, true, "no licence satisfies both")]
    public void Two_licences_give_the_most_demanding_one_or_a_conflict(string weights, string data, string? derivative, bool conflicts, string? warning)
    {
        foreach (string[] order in new[] { new[] { weights, data }, [data, weights] })
        {
            LicenseVerdict verdict = LicenseCheck.Combine([Part("weights", order[0]), Part("data", order[1])]);
            Assert.Equal((derivative, conflicts), (verdict.Derivative?.Id, verdict.Conflicts));
            Assert.Equal(warning is null, verdict.Warnings.Count == 0);
            Assert.True(
                warning is null || order[0] != weights || string.Join(' ', verdict.Warnings).Contains(warning, StringComparison.Ordinal),
                string.Join(' ', verdict.Warnings));
        }
    }

    [Fact]
    public void A_part_without_a_licence_is_said_to_be_unknown()
    {
        LicenseVerdict verdict = LicenseCheck.Combine([Part("weights", "mit"), new LicensedPart("data", "pictures", [], "nowhere", "")]);
        Assert.Null(verdict.Derivative);
        Assert.False(verdict.Conflicts);
        Assert.Contains("data (pictures) is unknown", Assert.Single(verdict.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MBZUAI/MediX-R1-8B")]
    [InlineData("/cache/hub/models--MBZUAI--MediX-R1-8B/snapshots/0123")]
    public void The_originals_weights_are_known_by_their_id_whatever_their_card_says(string path)
    {
        File.WriteAllText(Path.Combine(folder, "README.md"), "---\nlicense: apache-2.0\n---\n");
        LicensedPart part = LicenseReader.OfModel(path, folder, null);
        Assert.Equal("MBZUAI/MediX-R1-8B", part.Name);
        Assert.Equal("CC-BY-NC-SA-4.0", LicenseCheck.Combine([part]).Derivative?.Id);
    }

    [Theory]
    [InlineData("---\nlicense: mit\nbase_model: MBZUAI/MediX-R1-8B\n---\n")]
    [InlineData("---\ndatasets:\n- x/y\n- \"MBZUAI/medix-rl-data\"\nlicense: [mit]\n---\n")]
    public void A_model_made_of_the_original_is_known_by_its_card(string card)
    {
        File.WriteAllText(Path.Combine(folder, "README.md"), card);
        Assert.Equal("MIT, CC-BY-NC-SA-4.0", LicenseReader.OfModel(folder, folder, null).Names);
    }

    [Fact]
    public void An_adapters_config_names_its_base()
    {
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{"base_model_name_or_path": "MBZUAI/MediX-R1-2B"}""");
        Assert.Equal("CC-BY-NC-SA-4.0", LicenseReader.OfModel(folder, folder, null).Names);
    }

    [Fact]
    public void Data_is_looked_up_in_card_then_source_then_licence_text()
    {
        string data = Directory.CreateDirectory(Path.Combine(folder, "data")).FullName, file = Path.Combine(data, "train.jsonl");
        File.WriteAllText(Path.Combine(folder, "LICENSE"), "Apache License Version 2.0");
        Assert.Empty(LicenseReader.OfData(file, null).Licenses); // the project's, not the data's
        File.WriteAllText(Path.Combine(data, "LICENSE.txt"), "Attribution 4.0 International");
        Assert.Equal(("CC-BY-4.0", "LICENSE.txt"), (LicenseReader.OfData(file, null).Names, LicenseReader.OfData(file, null).ReadFrom));
        File.WriteAllText(Path.Combine(data, "SOURCE.md"), "# x\n\n**Licence as stated:** CC0 1.0 on OSF; carrier MIT\n");
        Assert.Equal("CC0-1.0, MIT, CC-BY-4.0", LicenseReader.OfData(data, null).Names);
        File.WriteAllText(Path.Combine(data, "README.md"), "---\nlicense: other\nlicense_name: odd-terms\n---\n");
        Assert.Equal("odd-terms, CC0-1.0, MIT, CC-BY-4.0", LicenseReader.OfData(data, null).Names);
        Assert.Equal("odd-terms, CC0-1.0, MIT, CC-BY-4.0, CC-BY-NC-4.0", LicenseReader.OfData(data, "cc-by-nc-4.0").Names);
    }

    [Fact]
    public void Phantoms_and_a_new_model_bring_no_terms_of_others()
    {
        LicenseVerdict verdict = LicenseCheck.Of(new TrainRecipe { Model = new ModelRecipe { Create = new NewModelRecipe() } }, folder);
        Assert.Equal("Apache-2.0", verdict.Derivative?.Id);
        Assert.Empty(verdict.Warnings);
    }

    private static LicensedPart Part(string kind, string license) => new(kind, "x", [LicenseTable.Named(license)], "a test", license);
}
