using Medix.Evaluation.Reports;

namespace Medix.Training;

/// <summary>What a person or a log wants to know while a run goes on. Called from the training thread; must not block.</summary>
public interface ITrainingObserver
{
    /// <summary>Something worth a line happened: the run folder, counts of data, an interrupt.</summary>
    void Message(string text);

    /// <summary>A long piece of work advanced: <paramref name="done"/> of <paramref name="total"/> units of <paramref name="work"/>.</summary>
    void Progress(string work, int done, int total);

    /// <summary>A supervised step ended.</summary>
    void WarmStart(WarmStartEvent step, int total);

    /// <summary>An RL step ended.</summary>
    void Step(StepEvent step, int total);
}
