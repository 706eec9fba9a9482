using Medix.Training.Algorithms;
using Medix.Training.Losses;
using Medix.Training.Optimizers;
using Medix.Training.Qwen3VL;
using Medix.Training.Rollouts;

namespace Medix.Training.Learning;

/// <summary>What an update did. The log-probability differences compare the trainer with the sampler before the first update of the step.</summary>
public sealed record UpdateReport(double Loss, LossMetrics Metrics, double GradNorm, double LogprobDifferenceMean, double LogprobDifferenceMax);
