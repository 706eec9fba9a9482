namespace Medix.Training.Modules.Kernels;

/// <summary>
/// One thread's working memory for one key head of one group. Keys and values of the shared span lie in front, those of the branch at hand behind them.
/// <see cref="Padded"/> is the head's width and <see cref="LdKeys"/> the number of keys, both in whole vectors.
/// </summary>
internal readonly unsafe struct AttentionScratch
{
    public readonly float* KeysTransposed, V, Query, Block, S;
    public readonly float* K, ValuesTransposed, Dk, Dv, DOut, Ds;
    public readonly int Padded, LdKeys;

    public AttentionScratch(float* memory, in Sizes sizes)
    {
        Padded = sizes.Padded;
        LdKeys = sizes.Keys;
        long keys = sizes.PerKeyMatrix, block = sizes.PerBlock, scores = sizes.PerScores;
        KeysTransposed = memory;
        V = KeysTransposed + keys;
        Query = V + keys;
        Block = Query + block;
        S = Block + block;
        K = S + scores;
        ValuesTransposed = K + keys;
        Dk = ValuesTransposed + keys;
        Dv = Dk + keys;
        DOut = Dv + keys;
        Ds = DOut + block;
    }

    /// <summary>Puts a span's keys and values behind the first <paramref name="before"/> ones.</summary>
    public void LoadKeys(in AttentionKernel.Job job, int keyHead, TokenSpan span, int before, bool forBackward)
    {
        float* k = job.K + job.KeyAt(span.Start, keyHead), v = job.V + job.KeyAt(span.Start, keyHead);
        int padded = Padding.ToLanes(before + span.Length) - before;
        HeadMatrices.LoadTransposed(k, job.KeyStride, span.Length, job.Width, KeysTransposed + before, LdKeys, padded);
        if (!forBackward)
        {
            HeadMatrices.Load(v, job.KeyStride, span.Length, job.Width, V + ((long)before * Padded), padded, Padded);
            return;
        }

        HeadMatrices.LoadTransposed(v, job.KeyStride, span.Length, job.Width, ValuesTransposed + before, LdKeys, padded);
        HeadMatrices.Load(k, job.KeyStride, span.Length, job.Width, K + ((long)before * Padded), padded, Padded);
    }

    /// <summary>S = scale · Q · Kᵀ for a block of query rows against the first <paramref name="keys"/> keys; keeps the scaled queries.</summary>
    public void Scores(in AttentionKernel.Job job, int head, TokenSpan rows, int keys)
    {
        int padded = Padding.ToTileRows(rows.Length);
        HeadMatrices.Load(job.Q + job.QueryAt(rows.Start, head), job.QueryStride, rows.Length, job.Width, Query, padded, Padded, job.Scale);
        TileProduct.Multiply(Query, Padded, 1, KeysTransposed, LdKeys, S, LdKeys, padded, keys, job.Width, add: false);
    }

    /// <summary>How many numbers each part takes.</summary>
    public readonly struct Sizes(int width, int keys, bool backward)
    {
        public int Padded { get; } = Padding.ToLanes(width);

        public int Keys { get; } = keys;

        public long PerKeyMatrix => (long)Keys * Padded;

        public long PerBlock => (long)AttentionKernel.BlockRows * Padded;

        public long PerScores => (long)AttentionKernel.BlockRows * Keys;

        public long Total { get; } = Sum(Padding.ToLanes(width), keys, backward);

        private static long Sum(int padded, int keys, bool backward)
        {
            long matrix = (long)keys * padded, block = (long)AttentionKernel.BlockRows * padded, scores = (long)AttentionKernel.BlockRows * keys;
            return (matrix * (backward ? 6 : 2)) + (block * (backward ? 3 : 2)) + (scores * (backward ? 2 : 1));
        }
    }
}
