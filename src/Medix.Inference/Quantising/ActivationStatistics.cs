using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Text;

namespace Medix.Inference.Quantising;

/// <summary>
/// How much each input channel of each matrix counts: its mean square while the model computes typical inputs. Weighted by these, the error of a matrix's weights is, where
/// channels do not depend on each other, the error of its outputs (the diagonal of the second-moment matrix that GPTQ, arXiv 2210.17323, uses whole).
/// </summary>
internal static class ActivationStatistics
{
    /// <summary>Rows that the average over all channels weighs as much as: experts see few tokens, channels of them are not trusted beyond that.</summary>
    private const double PriorRows = 4;

    /// <summary>Computes the inputs and gives the importance [K] of each matrix by the name of its part; matrices that saw nothing are left out.</summary>
    public static Dictionary<string, float[]> Collect(Qwen3VLModel model, IReadOnlyList<ModelInput> inputs, Action<int>? computed, CancellationToken cancellationToken)
    {
        ModelPart[] matrices = [.. model.Memory.Parts.Where(part => part.Matrix is not null)];
        try
        {
            foreach (ModelPart part in matrices)
            {
                part.Matrix!.Moments = new InputMoments(part.Matrix.K);
            }

            for (int i = 0; i < inputs.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                model.Forward(inputs[i], (_, _, _) => { }, null);
                computed?.Invoke(i + 1);
            }

            return matrices.Where(part => part.Matrix!.Moments!.Rows > 0).ToDictionary(part => part.Name, part => ImportanceOf(part.Matrix!.Moments!), StringComparer.Ordinal);
        }
        finally
        {
            foreach (ModelPart part in matrices)
            {
                part.Matrix!.Moments = null;
            }
        }
    }

    /// <summary>Mean squares relative to their mean, drawn a little towards it.</summary>
    private static float[] ImportanceOf(InputMoments moments)
    {
        double mean = 0;
        foreach (double sum in moments.Sums)
        {
            mean += sum / moments.Rows / moments.Sums.Length;
        }

        float[] importance = new float[moments.Sums.Length];
        for (int i = 0; i < importance.Length; i++)
        {
            double value = mean > 0 ? ((moments.Sums[i] / mean) + PriorRows) / (moments.Rows + PriorRows) : 1;
            importance[i] = Rounded((float)value);
        }

        return importance;
    }

    /// <summary>
    /// To 11 bits: threads add in any order, and the last bits of a sum depend on it. Without them a model is packed alike each time.
    /// </summary>
    private static float Rounded(float value) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x1000) & 0xFFFFE000);
}
