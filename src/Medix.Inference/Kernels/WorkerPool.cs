using System.Runtime.ExceptionServices;

namespace Medix.Inference.Kernels;

/// <summary>
/// A fixed set of threads that share out the chunks of one job at a time. A call costs about a microsecond and allocates nothing: jobs are function
/// pointers, idle workers spin for a moment and then park. The caller works too and never waits for a worker that has not begun, so a busy machine
/// slows a job down but does not stall it. Each thread takes neighbouring chunks in order, so that what it reads from memory is one stream, and when it has none left it
/// takes the last ones of another. Which thread takes which chunk varies; jobs must write disjoint results, which then cannot depend on it.
/// </summary>
public sealed unsafe class WorkerPool : IDisposable
{
    private const int SpinsBeforePark = 2_000;
    private const int SpinsBeforeYield = 1_000;
    private const int Running = 0;
    private const int Parked = 1;

    private AlignedMemory scratch = new(0);
    private readonly Worker[] workers;
    private readonly ChunkRange[] ranges;
    private delegate*<void*, int, int, void> job;
    private void* state;
    private PoolJob? managedJob;
    private int generation;
    private int open;
    private int inside;
    private bool disposed;
    private ExceptionDispatchInfo? failure;

    /// <summary>Starts the pool. <paramref name="threads"/> counts the caller: 1 starts no thread at all.</summary>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ranges = new ChunkRange[threads];
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.Length; i++)
        {
            workers[i] = new Worker(this, i + 1);
        }
    }

    /// <summary>A pool of <see cref="Machine.PhysicalCores"/> threads for the whole process. It is never disposed.</summary>
    public static WorkerPool Shared { get; } = new(Machine.PhysicalCores);

    /// <summary>Held while a job runs, and by a caller that uses the scratch memory across jobs.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Threads that work on a job, the caller included.</summary>
    public int Threads => workers.Length + 1;

    /// <summary>
    /// Calls <c>job(state, chunk, worker)</c> once for every chunk in [0, <paramref name="chunks"/>) and returns when all are done;
    /// <c>worker</c> is in [0, <see cref="Threads"/>) and no two calls at one time have the same. Concurrent callers take turns.
    /// A job must not call the pool that runs it. The first exception of a job is rethrown here.
    /// </summary>
    public void Run(delegate*<void*, int, int, void> job, void* state, int chunks) => Run(job, state, null, chunks);

    /// <summary>The same for a job that is an object.</summary>
    public void Run(PoolJob job, int chunks) => Run(null, null, job, chunks);

    private void Run(delegate*<void*, int, int, void> job, void* state, PoolJob? managedJob, int chunks)
    {
        if (workers.Length == 0 || chunks <= 1)
        {
            for (int i = 0; i < chunks; i++)
            {
                Call(job, state, managedJob, i, 0);
            }

            return;
        }

        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            this.job = job;
            this.state = state;
            this.managedJob = managedJob;
            for (int i = 0; i < ranges.Length; i++)
            {
                ranges[i].Set((int)((long)chunks * i / ranges.Length), (int)((long)chunks * (i + 1) / ranges.Length));
            }

            Interlocked.Exchange(ref open, 1);
            Interlocked.Increment(ref generation);
            foreach (Worker worker in workers)
            {
                worker.Wake();
            }

            TakeChunks(0);
            Interlocked.Exchange(ref open, 0);
            WaitUntilAllHaveLeft();
            ExceptionDispatchInfo? thrown = failure;
            failure = null;
            thrown?.Throw();
        }
    }

    /// <summary>Memory of at least <paramref name="bytes"/> bytes, valid while the caller holds <see cref="Gate"/>.</summary>
    internal byte* Scratch(long bytes)
    {
        if (scratch.Length < bytes)
        {
            scratch.Dispose();
            scratch = new AlignedMemory(bytes);
        }

        return scratch.Bytes;
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
            Interlocked.Increment(ref generation);
            foreach (Worker worker in workers)
            {
                worker.Wake();
            }
        }

        foreach (Worker worker in workers)
        {
            worker.Dispose();
        }

        scratch.Dispose();
    }

    private static void Call(delegate*<void*, int, int, void> job, void* state, PoolJob? managedJob, int chunk, int worker)
    {
        if (managedJob is not null)
        {
            managedJob.Execute(chunk, worker);
        }
        else
        {
            job(state, chunk, worker);
        }
    }

    /// <summary>The last chunks end within microseconds of each other; who yields on a busy machine may not come back for milliseconds.</summary>
    private void WaitUntilAllHaveLeft()
    {
        for (int spins = 0; spins < SpinsBeforeYield; spins++)
        {
            if (Volatile.Read(ref inside) == 0)
            {
                return;
            }

            Thread.SpinWait(4);
        }

        SpinWait spin = default;
        while (Volatile.Read(ref inside) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void TakeChunks(int worker)
    {
        try
        {
            while (TryTake(worker, out int chunk))
            {
                Call(job, state, managedJob, chunk, worker);
            }
        }
#pragma warning disable CA1031 // Whatever a job throws belongs to the caller of Run.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }

    private bool TryTake(int worker, out int chunk)
    {
        bool taken = ranges[worker].TryTakeFirst(out chunk);
        for (int i = 1; i < ranges.Length && !taken; i++)
        {
            taken = ranges[(worker + i) % ranges.Length].TryTakeLast(out chunk);
        }

        return taken;
    }

    /// <summary>Announces itself before it looks whether the job is still open: the caller, who closes the job first and then counts, cannot miss it.</summary>
    private void Join(int worker)
    {
        Interlocked.Increment(ref inside);
        if (Volatile.Read(ref open) == 1)
        {
            TakeChunks(worker);
        }

        Interlocked.Decrement(ref inside);
    }

    private sealed class Worker : IDisposable
    {
        private readonly WorkerPool pool;
        private readonly int index;
        private readonly AutoResetEvent wake = new(false);
        private readonly Thread thread;
        private int sleep = Running;

        public Worker(WorkerPool pool, int index)
        {
            this.pool = pool;
            this.index = index;
            thread = new Thread(Loop) { IsBackground = true, Name = $"Medix worker {index}" };
            thread.Start();
        }

        public void Wake()
        {
            if (Volatile.Read(ref sleep) == Parked && Interlocked.CompareExchange(ref sleep, Running, Parked) == Parked)
            {
                wake.Set();
            }
        }

        public void Dispose()
        {
            thread.Join();
            wake.Dispose();
        }

        private void Loop()
        {
            int seen = 0;
            while (true)
            {
                seen = WaitForGenerationAfter(seen);
                if (Volatile.Read(ref pool.disposed))
                {
                    return;
                }

                pool.Join(index);
            }
        }

        private int WaitForGenerationAfter(int seen)
        {
            for (int spins = 0; spins < SpinsBeforePark; spins++)
            {
                int now = Volatile.Read(ref pool.generation);
                if (now != seen)
                {
                    return now;
                }

                Thread.SpinWait(4);
            }

            Interlocked.Exchange(ref sleep, Parked);
            bool changed = Volatile.Read(ref pool.generation) != seen;
            if (!changed || Interlocked.CompareExchange(ref sleep, Running, Parked) != Parked)
            {
                // Either there is nothing to do, or the caller has just claimed this worker and its signal is on the way.
                wake.WaitOne();
            }

            return Volatile.Read(ref pool.generation);
        }
    }
}
