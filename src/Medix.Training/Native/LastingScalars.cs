using System.Collections.Concurrent;
using TorchSharp;

namespace Medix.Training.Native;

/// <summary>
/// Scalars that are never freed. TorchSharp hands a scalar's native handle to libtorch without keeping the managed object alive: a temporary, as in
/// <c>a + b</c> or <c>x * 0.5</c>, can be finalised and freed while libtorch reads it, which shows as a rare exception or a wrong number. Tensors are safe while a
/// dispose scope or a <c>using</c> holds them. So this library passes scalars from here, and a test reads its compiled code for others.
/// </summary>
internal static class LastingScalars
{
    private static readonly ConcurrentDictionary<double, Scalar> Doubles = new();

    /// <summary>The integer 1: the factor of the second operand in sums and differences.</summary>
    public static Scalar One { get; } = 1;

    /// <summary>Minus infinity, for masks.</summary>
    public static Scalar NegativeInfinity { get; } = float.NegativeInfinity;

    /// <summary>a + b, with a lasting factor.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, torch.Tensor b) => a.add(b, One);

    /// <summary>a + b for a constant b.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, double b) => a.add(Of(b), One);

    /// <summary>a · b for a constant b.</summary>
    public static torch.Tensor Times(this torch.Tensor a, double b) => a.mul(Of(b));

    /// <summary>The scalar of a number; each different number is kept for good, so pass constants and settings, not data.</summary>
    public static Scalar Of(double value) => Doubles.GetOrAdd(value, static number => (Scalar)number);
}
