using System.Runtime.Intrinsics;
using Medix.Training.Modules.Kernels;

namespace Medix.Training.Tests.Modules;

public class VectorMathTests
{
    [Fact]
    public void Exp_is_within_two_units_in_the_last_place_over_its_whole_range()
    {
        for (float x = -87.3f; x < 88.3f; x += 0.0137f)
        {
            double exact = Math.Exp(x);
            float got = VectorMath.Exp(Vector512.Create(x))[3];
            Assert.True(Math.Abs(got - exact) <= 2 * (MathF.BitIncrement((float)exact) - (float)exact), $"exp({x}) = {got}, exactly {exact}");
        }
    }

    [Fact]
    public void Exp_handles_the_ends()
    {
        Assert.Equal(0f, VectorMath.Exp(Vector512.Create(float.NegativeInfinity))[0]);
        Assert.Equal(0f, VectorMath.Exp(Vector512.Create(-1e30f))[0]);
        Assert.True(float.IsNaN(VectorMath.Exp(Vector512.Create(float.NaN))[0]));
        Assert.Equal(1f, VectorMath.Exp(Vector512.Create(0f))[0]);
        Assert.True(VectorMath.Exp(Vector512.Create(1000f))[0] > 1e38f);
    }
}
