using Medix.Weights;

namespace Medix.Training.Optimizers;

/// <summary>An optimiser's state as <c>optimizer.safetensors</c> in a checkpoint folder.</summary>
internal static class OptimizerFile
{
    private const string Name = "optimizer.safetensors";
    private const string StepKey = "step";

    public static void Write(string folder, AdamWState state) => SafetensorsWriter.Write(
        Path.Combine(folder, Name),
        [Moment("first_moment", state.FirstMoment), Moment("second_moment", state.SecondMoment)],
        new Dictionary<string, string> { [StepKey] = state.Step.ToString(System.Globalization.CultureInfo.InvariantCulture) });

    public static AdamWState Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Metadata.TryGetValue(StepKey, out string? text) && long.TryParse(text, out long step)
            ? new AdamWState(step, file.ReadFloat32("first_moment"), file.ReadFloat32("second_moment"))
            : throw new Runs.MedixException(
                $"{path} does not say how many steps its moments have seen: it was not written by Medix. Delete that checkpoint to resume from the one before.");
    }

    private static TensorData Moment(string name, float[] values) => TensorData.FromFloat32(name, [values.Length], values);
}
