using Medix.Data.Phantoms;
using Medix.Imaging;

namespace Medix.Core.Tests.Phantoms;

/// <summary>Measurements on pictures, in grey levels of 255.</summary>
internal static class PhantomPixels
{
    /// <summary>Where a pixel lies relative to a finding: 1 on its ellipse, below inside.</summary>
    public static double Radius(PhantomFinding finding, RgbImage image, int x, int y)
    {
        double dx = (((x + 0.5) / image.Width) - finding.CenterX) / finding.RadiusX, dy = (((y + 0.5) / image.Height) - finding.CenterY) / finding.RadiusY;
        return Math.Sqrt((dx * dx) + (dy * dy));
    }

    /// <summary>Red, green and blue means over the pixels chosen.</summary>
    public static double[] Mean(RgbImage image, Func<int, int, bool> chosen)
    {
        double[] sum = new double[3];
        int count = 0;
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                if (!chosen(x, y))
                {
                    continue;
                }

                count++;
                for (int c = 0; c < 3; c++)
                {
                    sum[c] += image.Pixels[(((y * image.Width) + x) * 3) + c];
                }
            }
        }

        Assert.True(count > 0, "no pixel chosen");
        return [.. sum.Select(value => value / count)];
    }

    /// <summary>The largest difference of two colours over their components.</summary>
    public static double Apart(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    /// <summary>Differences of two pictures' luminance, or the largest absolute difference of a component where <paramref name="sense"/> is 0.</summary>
    public static double[] Difference(RgbImage with, RgbImage without, int sense)
    {
        double[] result = new double[with.Width * with.Height];
        for (int i = 0; i < result.Length; i++)
        {
            int r = with.Pixels[3 * i] - without.Pixels[3 * i], g = with.Pixels[(3 * i) + 1] - without.Pixels[(3 * i) + 1];
            int b = with.Pixels[(3 * i) + 2] - without.Pixels[(3 * i) + 2];
            result[i] = sense == 0 ? Math.Max(Math.Abs(r), Math.Max(Math.Abs(g), Math.Abs(b))) : sense * ((0.3 * r) + (0.59 * g) + (0.11 * b));
        }

        return result;
    }

    /// <summary>The pixels of every eight-connected region whose values reach a threshold.</summary>
    public static List<List<int>> Regions(double[] values, int width, double threshold)
    {
        bool[] seen = new bool[values.Length];
        List<List<int>> regions = [];
        for (int start = 0; start < values.Length; start++)
        {
            List<int> region = Flood(values, width, threshold, seen, start);
            if (region.Count > 0)
            {
                regions.Add(region);
            }
        }

        return regions;
    }

    private static List<int> Flood(double[] values, int width, double threshold, bool[] seen, int start)
    {
        Stack<int> open = new([start]);
        List<int> region = [];
        while (open.TryPop(out int i))
        {
            if (seen[i] || values[i] < threshold)
            {
                continue;
            }

            seen[i] = true;
            region.Add(i);
            int x = i % width, y = i / width;
            for (int ny = Math.Max(0, y - 1); ny <= Math.Min((values.Length / width) - 1, y + 1); ny++)
            {
                for (int nx = Math.Max(0, x - 1); nx <= Math.Min(width - 1, x + 1); nx++)
                {
                    open.Push((ny * width) + nx);
                }
            }
        }

        return region;
    }
}
