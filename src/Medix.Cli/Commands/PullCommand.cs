using System.CommandLine;
using System.Text.Json;
using Medix.Cli.Views;
using Medix.Clients.Hub;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary><c>medix pull</c>: fetches a model or data set from a Hugging Face hub into the cache that the Python client uses too.</summary>
internal static class PullCommand
{
    public static Command Create()
    {
        var repository = new Argument<string>("repository") { Description = "OWNER/NAME or OWNER/NAME@REVISION" };
        var files = new Argument<string[]>("files") { Description = "Files by their path in the repository; all when left out", Arity = ArgumentArity.ZeroOrMore };
        var dataset = new Option<bool>("--dataset") { Description = "The repository is a data set" };
        var revision = new Option<string?>("--revision") { Description = "Branch, tag, commit or refs/pr/N; main when left out" };
        var include = new Option<string[]>("--include") { Description = "Only files that match, for example '*.safetensors' (repeatable)", DefaultValueFactory = _ => [] };
        var exclude = new Option<string[]>("--exclude") { Description = "Not the files that match (repeatable)", DefaultValueFactory = _ => [] };
        var cache = new Option<string?>("--cache-dir") { Description = "Cache folder; HF_HUB_CACHE or HF_HOME/hub when left out" };
        var local = new Option<string?>("--local-dir") { Description = "Put plain files into this folder instead of the cache" };
        var force = new Option<bool>("--force") { Description = "Fetch again what is there" };
        var verify = new Option<bool>("--verify") { Description = "Compute the hashes of files that are there too; fetch again those that differ" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("pull", "Fetch a model or data set from a Hugging Face hub: in parallel, resumed after a cut, checked by hash")
        {
            repository, files, dataset, revision, include, exclude, cache, local, force, verify, json,
        };
        command.SetAction((parsed, _) =>
        {
            HubKind kind = parsed.GetValue(dataset) ? HubKind.Dataset : HubKind.Model;
            HubRepository what = HubRepository.Parse(parsed.GetValue(repository)!, kind, parsed.GetValue(revision));
            HubOptions options = HubOptions.FromEnvironment();
            options = parsed.GetValue(cache) is { } folder ? options with { CacheFolder = folder } : options;
            var settings = new PullSettings
            {
                Files = parsed.GetValue(files) ?? [],
                Include = parsed.GetValue(include) ?? [],
                Exclude = parsed.GetValue(exclude) ?? [],
                LocalFolder = parsed.GetValue(local),
                Force = parsed.GetValue(force),
                Verify = parsed.GetValue(verify),
            };
            return RunAsync(what, options, settings, parsed.GetValue(json));
        });
        return command;
    }

    /// <summary>Standard output gets the folder alone when it is no terminal, so that a shell can take it: <c>$(medix pull OWNER/NAME)</c>.</summary>
    private static async Task<int> RunAsync(HubRepository repository, HubOptions options, PullSettings settings, bool json)
    {
        bool interactive = !json && !Console.IsOutputRedirected;
        TextWriter progress = interactive ? Console.Out : Console.Error;
        using var interrupt = new InterruptSignal(() => { });
        long start = TimeProvider.System.GetTimestamp();
        var meter = new PullMeter();
        using var client = new HubClient(options, meter);
        Task<PullResult> pull = client.PullAsync(repository, settings, interrupt.Token);
        await PullView.Create(progress, interactive).FollowAsync(meter, pull).ConfigureAwait(false);
        if (pull.IsCanceled)
        {
            Console.Error.WriteLine("Interrupted. What has arrived is kept, and the same command continues there.");
            return ExitCode.Interrupted;
        }

        PullResult result = await pull.ConfigureAwait(false);
        double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        progress.WriteLine(
            $"{result.Repository}@{result.Revision} is {result.Commit[..12]}: {result.Files} files, {ByteSize.Show(result.Bytes)}, "
            + $"of which {ByteSize.Show(result.ReceivedBytes)} were fetched in {TrainView.Duration(seconds)}");
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(PullSummary.Of(result, seconds), EventLog.Lines) : result.Folder);
        return ExitCode.Success;
    }
}

/// <summary>The last line of <c>medix pull --json</c>.</summary>
internal sealed record PullSummary(string Repository, HubKind Kind, string Revision, string Commit, string Folder, int Files, long Bytes, long ReceivedBytes, double Seconds)
{
    public static PullSummary Of(PullResult r, double seconds) => new(r.Repository, r.Kind, r.Revision, r.Commit, r.Folder, r.Files, r.Bytes, r.ReceivedBytes, seconds);
}
