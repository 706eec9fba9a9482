using Medix.Inference.Kernels;

namespace Medix.Inference.Tests;

public unsafe class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_chunk_runs_exactly_once_on_a_worker_of_the_pool(int threads)
    {
        using WorkerPool pool = new(threads);
        int* counts = stackalloc int[100];
        for (int round = 0; round < 300; round++)
        {
            int chunks = round % 100;
            new Span<int>(counts, 100).Clear();
            pool.Run(&Count, counts, chunks);
            for (int i = 0; i < 100; i++)
            {
                Assert.Equal(i < chunks ? 1 : 0, counts[i]);
            }

            if (round % 100 == 99)
            {
                Thread.Sleep(20);   // long enough for the workers to park
            }
        }

        static void Count(void* state, int chunk, int worker) => Interlocked.Increment(ref ((int*)state)[chunk]);
    }

    [Fact]
    public void Callers_on_several_threads_take_turns()
    {
        using WorkerPool pool = new(3);
        Parallel.For(0, 50, _ =>
        {
            long sum = 0;
            pool.Run(&Add, &sum, 64);
            Assert.Equal(64 * 63 / 2, sum);
        });

        static void Add(void* state, int chunk, int worker) => Interlocked.Add(ref *(long*)state, chunk);
    }

    [Fact]
    public void An_exception_reaches_the_caller_and_the_pool_goes_on()
    {
        using WorkerPool pool = new(2);
        Assert.Throws<InvalidOperationException>(() => pool.Run(&Fail, null, 8));
        pool.Run(&Nothing, null, 8);

        static void Fail(void* state, int chunk, int worker) => throw new InvalidOperationException("job");
        static void Nothing(void* state, int chunk, int worker) { }
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        using WorkerPool pool = new(2);
        pool.Run(&Nothing, null, 4);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            pool.Run(&Nothing, null, 4);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Nothing(void* state, int chunk, int worker) { }
    }
}
