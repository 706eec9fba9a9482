using Medix.Core.Tests.Weights;
using Medix.Runs.Licenses;

namespace Medix.Core.Tests.Runs.Licenses;

/// <summary>Several places that do not say the same of one work.</summary>
public sealed class LicenseContradictionTests : IDisposable
{
    private const string NonCommercial = "---\nlicense: cc-by-nc-sa-4.0\n---\n";
    private readonly TempFolder folder = new();

    [Theory]
    [InlineData("MIT", NonCommercial, "CC-BY-NC-SA-4.0, MIT", "CC-BY-NC-SA-4.0", "model.license says MIT, but README.md says CC-BY-NC-SA-4.0")]
    [InlineData(
        "apache-2.0", "---\nlicense: cc-by-nc-4.0\n---\n", "CC-BY-NC-4.0, Apache-2.0", "CC-BY-NC-4.0", "asks more (non-commercial): the stricter counts. Correct model.license")]
    [InlineData("cc-by-sa-4.0", NonCommercial, "CC-BY-NC-SA-4.0, CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "the stricter counts")]
    [InlineData("MIT", "---\nlicense: apache-2.0\n---\n", "Apache-2.0, MIT", "Apache-2.0", "both count")]
    [InlineData("cc-by-nc-sa-4.0", "---\nlicense: cc-by-sa-4.0\n---\n", "CC-BY-SA-4.0, CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0", "README.md says CC-BY-SA-4.0, but model.license says")]
    [InlineData("cc-by-nc-sa-4.0", "---\nlicense: gpl-3.0\n---\n", "GPL-3.0, CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0", "README.md says GPL-3.0, but model.license")]
    [InlineData("gpl-3.0", "---\nlicense: cc-by-nc-4.0\n---\n", "CC-BY-NC-4.0, GPL-3.0", null, "both count")]
    [InlineData("cc-by-nc-4.0", "---\nlicense: mit\n---\n", "MIT, CC-BY-NC-4.0", "CC-BY-NC-4.0", null)]
    [InlineData("apache-2.0", "---\nlicense: mit\n---\n", "MIT, Apache-2.0", "Apache-2.0", null)]
    [InlineData("mit", "---\nlicense: mit\n---\n", "MIT", "MIT", null)]
    [InlineData("mit", "# No word", "MIT", "MIT", null)]
    public void The_recipes_word_does_not_replace_what_the_files_say(string declared, string card, string names, string? derivative, string? warning)
    {
        File.WriteAllText(folder.File("README.md"), card);
        LicensedPart part = LicenseReader.OfModel("x/y", folder.Path, declared);
        Assert.Equal(names, part.Names);
        LicenseVerdict verdict = LicenseCheck.Combine([part]);
        Assert.Equal((derivative, derivative is null), (verdict.Derivative?.Id, verdict.Conflicts));
        AssertWarns(part.Warnings, warning);
        Assert.All(part.Warnings, own => Assert.Contains(own, verdict.Warnings));
    }

    [Fact]
    public void Weights_and_data_are_judged_by_the_stricter_of_each()
    {
        File.WriteAllText(folder.File("README.md"), NonCommercial);
        LicensedPart data = LicenseReader.OfData(folder.Path, "mit"), weights = new("weights", "x", [LicenseTable.Named("gpl-3.0")], "a test", "gpl-3.0");
        LicenseVerdict verdict = LicenseCheck.Combine([weights, data]);
        Assert.True(verdict.Conflicts);
        Assert.Null(verdict.Derivative);
        Assert.Contains(verdict.Warnings, warning => warning.Contains("data.license says MIT", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("---\nlicense: mit\n---\n", "**Licence as stated:** CC BY-NC-SA 4.0", null, "CC-BY-NC-SA-4.0", "README.md says MIT, but SOURCE.md says CC-BY-NC-SA-4.0")]
    [InlineData(NonCommercial, "Licence: MIT", null, "CC-BY-NC-SA-4.0", "SOURCE.md says MIT, but README.md says CC-BY-NC-SA-4.0")]
    [InlineData("---\nlicense: cc-by-4.0\n---\n", null, "Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0", "README.md says CC-BY-4.0, but LICENSE says CC-BY-NC-4.0")]
    [InlineData("---\nlicense: cc-by-sa-4.0\n---\n", "Licence: CC BY-NC-SA 4.0", null, "CC-BY-NC-SA-4.0", "README.md says CC-BY-SA-4.0, but SOURCE.md says")]
    [InlineData("# x", "Licence: CC BY-SA 4.0", "GNU GENERAL PUBLIC LICENSE Version 2", null, "both count")]
    [InlineData("---\nlicense: cc-by-4.0\n---\n", "Licence: CC BY", null, "CC-BY-4.0", null)]
    [InlineData("---\nlicense: mit\n---\n", "Licence: questions CC0 1.0; code MIT", "Permission is hereby granted, free of charge, to any person obtaining", "MIT", null)]
    [InlineData("# Pictures\n\n## License\n\nCC BY-NC 4.0, see below\n", "Licence: MIT", null, "CC-BY-NC-4.0", "README.md says CC-BY-NC-4.0")]
    public void Files_that_contradict_each_other_are_warned_of_and_the_stricter_counts(string card, string? source, string? text, string? derivative, string? warning)
    {
        File.WriteAllText(folder.File("README.md"), card);
        Write("SOURCE.md", source);
        Write("LICENSE", text);
        LicensedPart part = LicenseReader.OfData(folder.Path, null);
        Assert.Equal(derivative, LicenseCheck.Combine([part]).Derivative?.Id);
        AssertWarns(part.Warnings, warning);
    }

    [Fact]
    public void A_derivative_may_not_be_laxer_than_what_it_is_made_of()
    {
        File.WriteAllText(folder.File("README.md"), "---\nlicense: cc-by-sa-4.0\nbase_model: MBZUAI/MediX-R1-8B\n---\n");
        LicensedPart part = LicenseReader.OfModel(folder.Path, folder.Path, null);
        AssertWarns(part.Warnings, "README.md says CC-BY-SA-4.0, but it is made of a work under CC-BY-NC-SA-4.0");
        Assert.True(LicenseCheck.Combine([part]).Conflicts);
        File.WriteAllText(folder.File("README.md"), "---\nlicense: cc-by-nc-sa-4.0\nbase_model: MBZUAI/MediX-R1-8B\n---\n");
        Assert.Empty(LicenseReader.OfModel(folder.Path, folder.Path, null).Warnings);
    }

    [Theory]
    [InlineData("Licence: RQE 2016: CC BY 4.0. Test of 2019: no licence stated (AMBER).", "CC-BY-4.0, unknown")]
    [InlineData("Licence: pictures CC0 1.0; carrier Harsh/MUMC (no licence)", "CC0-1.0, unknown")]
    [InlineData("Licence: (no licence)", "unknown")]
    [InlineData("Licence: none", "unknown")]
    [InlineData("License: unknown", "unknown")]
    [InlineData("Licence: images: unknown; text: MIT", "MIT, unknown")]
    [InlineData("Licence: MIT x3, none x2", "MIT, unknown")]
    [InlineData("Licence: CC BY 4.0; Berman and Stetson own terms, see README", "CC-BY-4.0, terms of its own")]
    [InlineData("Licence: wiki CC0; NEMA samples, no explicit licence text", "CC0-1.0, unknown")]
    public void A_part_without_a_licence_is_unknown(string source, string names)
    {
        Write("SOURCE.md", source);
        LicensedPart part = LicenseReader.OfData(folder.Path, null);
        Assert.Equal(names, part.Names);
        LicenseVerdict verdict = LicenseCheck.Combine([part]);
        Assert.Null(verdict.Derivative);
        string words = names.EndsWith("its own", StringComparison.Ordinal) ? "does not know" : "of a part of them is unknown (";
        Assert.Contains(verdict.Warnings, warning => warning.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Licence: MIT per row. Rows without a licence were left out.")]
    [InlineData("Licence: MIT per the card (no LICENSE file in the repo)")]
    public void A_file_that_is_missing_and_rows_that_were_left_out_are_no_unknown_part(string source)
    {
        Write("SOURCE.md", source);
        Assert.Equal("MIT", LicenseReader.OfData(folder.Path, null).Names);
    }

    [Theory]
    [InlineData("---\nlicense: unknown\n---\n", "unknown")]
    [InlineData("---\nlicense: none\n---\n", "unknown")]
    [InlineData("---\nlicense: [mit, unknown]\n---\n", "MIT, unknown")]
    public void A_card_that_knows_no_licence_is_unknown_until_the_recipe_says_it_and_then_a_warning_stays(string card, string names)
    {
        File.WriteAllText(folder.File("README.md"), card);
        Assert.Equal(names, LicenseReader.OfData(folder.Path, null).Names);
        Assert.Null(LicenseCheck.Combine([LicenseReader.OfData(folder.Path, null)]).Derivative);
        LicensedPart stated = LicenseReader.OfData(folder.Path, "mit");
        Assert.Equal("MIT", LicenseCheck.Combine([stated]).Derivative?.Id);
        AssertWarns(stated.Warnings, "leaves a licence open");
    }

    [Theory]
    [InlineData("CC BY", "CC-BY")]
    [InlineData("CC-BY-SA", "CC-BY-SA")]
    [InlineData("cc by-nc", "CC-BY-NC")]
    [InlineData("Creative Commons Attribution-NonCommercial-ShareAlike", "CC-BY-NC-SA")]
    [InlineData("CC BY-NC-ND", "CC-BY-NC-ND")]
    public void A_family_without_a_version_stays_without_one(string text, string id)
    {
        License license = LicenseTable.Named(text), last = LicenseTable.Named(id + "-4.0");
        Assert.Equal((id, $"{id} (version unknown)", true), (license.Id, license.ToString(), license.IsVersionUnknown));
        Assert.Equal((last.Terms, false, $"{id}-4.0"), (license.Terms, last.IsVersionUnknown, last.ToString()));
        Assert.Same(license, LicenseTable.Named(license.Id));
    }

    [Theory]
    [InlineData("CC BY 2.0", "CC-BY-2.0")]
    [InlineData("CC BY-SA 2.5 Generic", "CC-BY-SA-2.5")]
    [InlineData("CC BY-NC v4.0", "CC-BY-NC-4.0")]
    [InlineData("Creative Commons Attribution-ShareAlike License 3.0", "CC-BY-SA-3.0")]
    [InlineData("Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0")]
    [InlineData("cc-by-4", "CC-BY-4.0")]
    public void A_version_that_is_said_is_kept(string text, string id) => Assert.Equal(id, Assert.Single(LicenseTable.MentionedIn(text)).Id);

    public void Dispose() => folder.Dispose();

    private void Write(string name, string? text)
    {
        if (text is not null)
        {
            File.WriteAllText(folder.File(name), text);
        }
    }

    private static void AssertWarns(IReadOnlyList<string> warnings, string? part)
    {
        if (part is null)
        {
            Assert.Empty(warnings);
        }
        else
        {
            Assert.Contains(warnings, warning => warning.Contains(part, StringComparison.Ordinal));
        }
    }
}
