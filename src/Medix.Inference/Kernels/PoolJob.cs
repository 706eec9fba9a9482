namespace Medix.Inference.Kernels;

/// <summary>Work shared out by a <see cref="WorkerPool"/>. One object serves many calls, so that a call allocates nothing.</summary>
public abstract class PoolJob
{
    /// <summary>Does one chunk; see <see cref="WorkerPool.Run(PoolJob, int)"/>.</summary>
    public abstract void Execute(int chunk, int worker);
}
