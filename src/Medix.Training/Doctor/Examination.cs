using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Medix.Data;
using Medix.Evaluation.Reports;
using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training.Rollouts;
using Medix.Weights;
using TorchSharp;

namespace Medix.Training.Doctor;

/// <summary>Looks at everything a run needs, in the order in which a run would fail. Later checks that need an earlier one are left out when it failed.</summary>
public static class Examination
{
    private const long LowMemory = 3L << 30;
    private const long LowDisk = 2L << 30;
    private const int PromptsLookedAt = 200;

    /// <summary>The findings, each as soon as it is made.</summary>
    public static async IAsyncEnumerable<Finding> RunAsync(Func<TrainRecipe> load, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return Machine();
        yield return Memory();
        yield return Disk();
        yield return Try("libtorch", "Install the package's requirements: 64-bit Linux with glibc 2.28 or newer. On other systems use the libtorch package for them.", Torch);
        TrainRecipe? recipe = null;
        yield return Try("recipe", "Mend the recipe; `medix recipes --schema` prints what is known.", () =>
        {
            recipe = load();
            return $"{recipe.Name}: {recipe.Steps} steps of {recipe.Rollout.PromptsPerStep} x {recipe.Rollout.Draws} responses, {recipe.Algorithm.Preset}, seed {recipe.Seed}";
        });
        if (recipe is null)
        {
            yield break;
        }

        string scratch = Directory.CreateTempSubdirectory("medix-doctor-").FullName;
        try
        {
            (RunData Data, ModelSource Source)? opened = null;
            yield return await TryAsync("data and model files", "Mend the path or the file named above.", async () =>
            {
                opened = await RunParts.OpenAsync(recipe, Path.Combine(scratch, "model"), cancellationToken).ConfigureAwait(false);
                DataSummary summary = opened.Value.Data.Summary;
                return $"{summary.TrainingSamples} training samples, {summary.HeldOutSamples} held out, of {summary.Source}";
            }).ConfigureAwait(false);
            if (opened is not { } found)
            {
                yield break;
            }

            yield return LeftOut(found.Data.Summary.LeftOut);
            yield return Licenses(LicenseCheck.Of(recipe, found.Source.Folder));
            yield return Try("weights", "Download or save the checkpoint again.", () => Weights(found.Source.Folder));
            yield return Try(
                "token budget", "Raise data.maxPromptTokens, or lower data.maxImagePixels: one image token is 32 x 32 pixels.",
                () => Tokens(recipe, found.Data, found.Source));
            yield return Plan(recipe, found.Data, found.Source);
            foreach (Finding finding in await RewardAsync(recipe, found.Data, cancellationToken).ConfigureAwait(false))
            {
                yield return finding;
            }
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static Finding Machine()
    {
        string width = Vector512.IsHardwareAccelerated ? "512-bit" : Vector256.IsHardwareAccelerated ? "256-bit" : "128-bit";
        string text = $"{Environment.ProcessorCount} logical processors, {Inference.Kernels.Machine.PhysicalCores} cores used, {width} vectors";
        return Vector256.IsHardwareAccelerated || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported
            ? new Finding("machine", Outcome.Good, text)
            : new Finding("machine", Outcome.Warning, text, "Training works but is slow: use a processor with AVX2, AVX-512 or Arm AdvSimd.");
    }

    private static Finding Memory()
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        string text = string.Create(CultureInfo.InvariantCulture, $"{available / (double)(1L << 30):0.0} GiB for this process");
        return available >= LowMemory
            ? new Finding("memory", Outcome.Good, text)
            : new Finding("memory", Outcome.Warning, text, "The demonstration needs up to 3 GiB: close other programs, or lower rollout.promptsPerStep.");
    }

    private static Finding Disk()
    {
        var drive = new DriveInfo(Directory.GetCurrentDirectory());
        string text = string.Create(CultureInfo.InvariantCulture, $"{drive.AvailableFreeSpace / (double)(1L << 30):0.0} GiB free here");
        return drive.AvailableFreeSpace >= LowDisk
            ? new Finding("disk", Outcome.Good, text)
            : new Finding("disk", Outcome.Warning, text, "Checkpoints may not fit: free space, or give --runs a folder on another disk.");
    }

    private static string Torch()
    {
        using torch.Tensor sum = torch.ones(2).sum();
        return $"loaded, {torch.get_num_threads()} threads, 1 + 1 = {sum.item<float>():0}";
    }

    private static Finding LeftOut(IReadOnlyDictionary<string, int> reasons) => reasons.Count == 0
        ? new Finding("rows", Outcome.Good, "every row can be used")
        : new Finding("rows", Outcome.Warning, string.Join(", ", reasons.Select(r => $"{r.Value} x {r.Key}")), "`medix data show PATH` lists them with the field and value.");

    private static Finding Licenses(LicenseVerdict verdict) => verdict.Warnings.Count == 0
        ? new Finding("licences", Outcome.Good, $"the trained model comes under {verdict.Derivative}")
        : new Finding(
            "licences", Outcome.Warning, string.Join(" ", verdict.Warnings),
            "Training goes on all the same; the model card says it too. Read the licences before passing the model on.");

    private static string Weights(string folder)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        checkpoint.RequireFinite();
        return $"{checkpoint.Config.Architecture}, {checkpoint.Names.Count} tensors, all finite";
    }

    private static string Tokens(TrainRecipe recipe, RunData data, ModelSource source)
    {
        var prompts = new PromptBuilder(source.Tokenizer, new ImageProcessor(source.Images), ModelConfigReader.Read(Path.Combine(source.Folder, "config.json")));
        int[] lengths = [.. data.Train.Take(PromptsLookedAt).Concat(data.HeldOut).Select(s => RunData.CountTokens(s, prompts)).Order()];
        return lengths[^1] <= recipe.Data.MaxPromptTokens
            ? $"prompts have {lengths[0]} to {lengths[^1]} tokens (median {lengths[lengths.Length / 2]}, images included), "
                + $"budget {recipe.Data.MaxPromptTokens}; responses up to {recipe.Rollout.MaxNewTokens}"
            : throw new MedixException($"A prompt has {lengths[^1]} tokens, more than data.maxPromptTokens = {recipe.Data.MaxPromptTokens}.");
    }

    /// <summary>Peak memory by part, against what there is.</summary>
    private static Finding Plan(TrainRecipe recipe, RunData data, ModelSource source)
    {
        using Checkpoint checkpoint = Checkpoint.Open(source.Folder);
        bool half = ModelTensors.Of(checkpoint.Config).Where(t => t.Shape.Length > 1).All(t => checkpoint.Info(t.Name).DType == "BF16");
        MemoryWorkload work = WorkloadOf(recipe, data, source, checkpoint.Config);
        MemoryPlan plan = MemoryPlan.Of(recipe, checkpoint.Config, half, work);
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        string parts = string.Join(", ", plan.Parts.Where(part => part.Bytes > 0).Select(part => string.Create(
            CultureInfo.InvariantCulture, $"{part.Name} {part.Bytes / 1e9:0.00}{(part.OnDevice ? " on the GPU" : "")}")));
        string gpu = plan.DeviceMemory > 0 ? string.Create(CultureInfo.InvariantCulture, $" and {plan.DeviceMemory / 1e9:0.00} GB on the GPU") : "";
        string text = string.Create(CultureInfo.InvariantCulture, $"peak {plan.MainMemory / 1e9:0.00} GB{gpu} with responses at their limit (GB: {parts})");
        return MemoryPlan.Remedy(recipe, checkpoint.Config, half, work, available) is { } remedy
            ? new Finding("memory plan", Outcome.Failed, string.Create(CultureInfo.InvariantCulture, $"{text}; there are {available / 1e9:0.00} GB"), remedy)
            : new Finding("memory plan", Outcome.Good, text);
    }

    private static MemoryWorkload WorkloadOf(TrainRecipe recipe, RunData data, ModelSource source, Qwen3VLConfig model)
    {
        var images = new ImageProcessor(source.Images);
        var prompts = new PromptBuilder(source.Tokenizer, images, model);
        Sample[] looked = [.. data.Train.Take(PromptsLookedAt)];
        (double tokens, double patches, long resized) = (0, 0, 0);
        foreach (Sample sample in looked)
        {
            tokens += RunData.CountTokens(sample, prompts);
            foreach (ImageSource image in sample.Images)
            {
                ImageSize size = ImageDecoding.ReadSize(image.Bytes, image.Name);
                ImageGrid grid = images.GridFor(size.Width, size.Height);
                patches += grid.Patches;
                resized += 3L * grid.Patches * source.Images.PatchSize * source.Images.PatchSize;
            }
        }

        long encoded = recipe.Data.Kind == "phantoms" ? 0 : data.Train.Concat(data.HeldOut).SelectMany(s => s.Images).Distinct().Sum(image => (long)image.Bytes.Length);
        long kept = recipe.Data.Kind == "phantoms" ? 0 : Math.Min(RunParts.ResizedPicturesBytes, resized * data.Train.Count / Math.Max(looked.Length, 1));
        return new(tokens / looked.Length, patches / looked.Length, encoded + kept);
    }

    /// <summary>Scores made-up answers whose order is known: right, wrong, and an attack.</summary>
    private static async Task<IReadOnlyList<Finding>> RewardAsync(TrainRecipe recipe, RunData data, CancellationToken cancellationToken)
    {
        RewardFactory? made = null;
        Finding creation = Try("reward", "Mend the folder that the recipe names under reward.embeddingModel.", () =>
        {
            made = new RewardFactory(recipe.Reward, data.Texts.Select(t => t.Answer));
            return made.EmbedderName;
        });
        if (made is null)
        {
            return [creation];
        }

        using RewardFactory factory = made;
        Sample sample = data.HeldOut.First(s => s.Modality is not null || data.HeldOut.All(x => x.Modality is null));
        string right = WarmStart.Target(sample.Modality ?? "OTHER", "A reason.", sample.Reference);
        string wrong = WarmStart.Target(sample.Modality ?? "OTHER", "A reason.", "something else entirely");
        RewardInput[] inputs = [.. new[] { right, wrong, "Thought process:", "" }.Select(r => new RewardInput(sample, r))];
        IReadOnlyList<RewardReport> reports = await factory.Reward.ScoreAsync(inputs, cancellationToken).ConfigureAwait(false);
        string names = $"{factory.JudgeName}, {factory.EmbedderName}";
        if (reports.Any(r => r.Total is null))
        {
            string reasons = string.Join("; ", RolloutScoring.UnscoredReasons(reports).Keys);
            return [new Finding("reward", Outcome.Failed, $"{names}: {reasons}", "Start or mend the endpoint that the recipe names under reward.judge or reward.embedding.")];
        }

        string scores = string.Create(
            CultureInfo.InvariantCulture, $"{names}: right {reports[0].Total:0.00}, wrong {reports[1].Total:0.00}, attack {reports[2].Total:0.00}, empty {reports[3].Total:0.00}");
        bool ordered = reports[0].Total > reports[1].Total && reports[1].Total >= reports[2].Total && reports[2].Total >= reports[3].Total;
        return [ordered
            ? new Finding("reward", Outcome.Good, scores)
            : new Finding("reward", Outcome.Failed, scores, "The reward does not tell right from wrong: look at its weights and at the judge's answers.")];
    }

    private static Finding Try(string check, string remedy, Func<string> look) =>
        TryAsync(check, remedy, () => Task.FromResult(look())).GetAwaiter().GetResult();

    private static async Task<Finding> TryAsync(string check, string remedy, Func<Task<string>> look)
    {
        try
        {
            return new Finding(check, Outcome.Good, await look().ConfigureAwait(false));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new Finding(check, Outcome.Failed, e.Message, remedy);
        }
    }
}
