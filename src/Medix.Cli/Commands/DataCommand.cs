using System.CommandLine;
using Medix.Data;
using Medix.Data.Phantoms;
using Medix.Imaging;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary><c>medix data</c>: import, look, generate.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Import data sets, look at samples and phantoms") { Import(), Show(), Phantoms() };

    private static Command Import()
    {
        var kind = new Argument<string>("kind") { Description = "Kind of data set: vqa-rad" };
        kind.AcceptOnlyFromAmong("vqa-rad");
        var path = new Argument<string>("path") { Description = "Folder of the public files" };
        var output = new Option<string>("--out") { Description = "Folder for train.jsonl and images", Required = true };
        var command = new Command("import", "Turn a public data set into jsonl with an image folder") { kind, path, output };
        command.SetAction(async (parsed, _) =>
        {
            using var interrupt = new InterruptSignal(() => { });
            VqaRadImport import = await VqaRadImporter.ImportAsync(parsed.GetValue(path)!, parsed.GetValue(output)!, interrupt.Token).ConfigureAwait(false);
            Console.WriteLine($"{import.Rows} questions about {import.Images} pictures written to {import.File}");
            foreach (ModalityCount count in import.Modalities)
            {
                Console.WriteLine($"  {count.Modality}: {count.Images} pictures, {count.Questions} questions");
            }

            PrintSkipped(import.Skipped);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Show()
    {
        var path = new Argument<string>("path") { Description = "File or folder of a data set" };
        var kind = new Option<string?>("--kind") { Description = "parquet, jsonl or vqa-rad; told by what is there when left out" };
        var count = new Option<int>("--count") { Description = "Samples to print", DefaultValueFactory = _ => 5 };
        var command = new Command("show", "Count a data set's samples by modality, list what cannot be used and why, print a few") { path, kind, count };
        command.SetAction(async (parsed, token) =>
        {
            ISampleSource source = SampleSources.Open(parsed.GetValue(kind), parsed.GetValue(path)!);
            SampleSet set = await SampleSet.LoadAsync(source, PromptTemplate.Load("bare"), ImageChecks.Decode(new ImageLimits()), token).ConfigureAwait(false);
            Console.WriteLine($"{set.Samples.Count} samples of {set.Samples.Select(s => s.SplitKey).Distinct().Count()} pictures or cases; SHA-256 {set.Hash}");
            foreach ((string modality, int samples) in set.CountByModality())
            {
                Console.WriteLine($"  {modality}: {samples}");
            }

            foreach (Sample sample in set.Samples.Take(parsed.GetValue(count)))
            {
                Console.WriteLine($"{sample.Id}: {sample.Images.Count} image(s), {sample.Modality ?? "modality not known"}\n  {sample.Question}\n  {sample.Reference}");
            }

            PrintSkipped(set.Skipped);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Phantoms()
    {
        var output = new Option<string>("--out") { Description = "New PNG file of the contact sheet", DefaultValueFactory = _ => "phantoms.png" };
        var seed = new Option<ulong>("--seed") { Description = "Seed", DefaultValueFactory = _ => 1UL };
        var each = new Option<int>("--each") { Description = "Pictures per modality", DefaultValueFactory = _ => 4 };
        var command = new Command("phantoms", "Draw a contact sheet of the generated pictures with their questions and answers") { output, seed, each };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(output)!;
            PhantomSheet.Write(path, parsed.GetValue(seed), parsed.GetValue(each), new PhantomOptions());
            Console.WriteLine($"Written: {path}");
            return ExitCode.Success;
        });
        return command;
    }

    private static void PrintSkipped(SkippedRows skipped)
    {
        if (skipped.Rows.Count > 0)
        {
            Console.WriteLine($"Left out: {skipped.Rows.Count} rows");
            Console.WriteLine(skipped.Describe());
        }
    }
}
