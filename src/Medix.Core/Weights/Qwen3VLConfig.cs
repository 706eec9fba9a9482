namespace Medix.Weights;

/// <summary>
/// The text decoder's shape (Qwen3 and the text part of Qwen3-VL). Query width is Heads·HeadDim, which need not equal Hidden.
/// <paramref name="MropeSection"/> holds the number of rotary pairs of the (t, h, w) axes and sums to HeadDim/2; null for 1-D rotary.
/// </summary>
public sealed record TextConfig(
    int VocabularySize, int Hidden, int Layers, int Heads, int KeyValueHeads, int HeadDim, int Intermediate,
    double RmsNormEpsilon, double RopeTheta, IReadOnlyList<int>? MropeSection, int MaxPositions, bool TieWordEmbeddings,
    int? Experts = null, int ExpertsPerToken = 0, int ExpertIntermediate = 0, IReadOnlyList<int>? DenseLayers = null, int DecoderSparseStep = 1);

/// <summary>The vision tower's shape. <paramref name="PositionEmbeddings"/> is the side squared of the learned position table.</summary>
public sealed record VisionConfig(
    int Depth, int Hidden, int Heads, int Intermediate, int OutHidden, int PatchSize, int TemporalPatchSize, int SpatialMergeSize,
    int InChannels, int PositionEmbeddings, IReadOnlyList<int> DeepstackIndexes)
{
    /// <summary>Values of one patch: channels·temporal·patch².</summary>
    public int PatchLength => InChannels * TemporalPatchSize * PatchSize * PatchSize;
}

/// <summary>A whole model's shape, from <c>config.json</c>; <paramref name="Vision"/> is null for text-only Qwen3.</summary>
public sealed record Qwen3VLConfig(
    string Architecture, TextConfig Text, VisionConfig? Vision,
    int ImageTokenId, int VideoTokenId, int VisionStartTokenId, int VisionEndTokenId, IReadOnlyList<int> EosTokenIds);
