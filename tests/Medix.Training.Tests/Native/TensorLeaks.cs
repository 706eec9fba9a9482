using TorchSharp;

namespace Medix.Training.Tests.Native;

/// <summary>Fails where it is disposed if a tensor made on this thread since its creation still lives.</summary>
internal sealed class TensorLeaks : IDisposable
{
    private readonly long before = Living;

    public static long Living => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    public void Dispose() => Assert.Equal(before, Living);
}
