namespace Medix.Evaluation;

/// <summary>
/// Distribution functions that intervals and tests need. Tails keep their relative precision (about 1e-10): ask for the small side, not for 1 minus the
/// large one.
/// </summary>
public static class Distributions
{
    private const double Tiny = 1e-300;

    /// <summary>B(2k) / (2k (2k - 1)) of the Bernoulli numbers, k from 8 down to 1.</summary>
    private static readonly double[] StirlingCoefficients =
        [-3617.0 / 122400, 1.0 / 156, -691.0 / 360360, 1.0 / 1188, -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12];

    /// <summary>P(X ≤ <paramref name="x"/>) of the standard normal; the upper tail is <c>NormalCdf(-x)</c>.</summary>
    public static double NormalCdf(double x)
    {
        double half = 0.5 * GammaQ(0.5, 0.5 * x * x);
        return x > 0 ? 1 - half : half;
    }

    /// <summary>The standard normal's quantile for a probability in (0, 1): Newton's method on the tail, which keeps relative precision.</summary>
    public static double NormalQuantile(double probability)
    {
        double tail = Math.Min(probability, 1 - probability);
        if (!(tail > 0))
        {
            return probability <= 0 ? double.NegativeInfinity : probability >= 1 ? double.PositiveInfinity : double.NaN;
        }

        // Start: Abramowitz and Stegun 26.2.23, right to 4.5e-4.
        double t = Math.Sqrt(-2 * Math.Log(tail));
        double x = -(t - ((2.515517 + (t * (0.802853 + (t * 0.010328)))) / (1 + (t * (1.432788 + (t * (0.189269 + (t * 0.001308))))))));
        for (int i = 0; i < 4; i++)
        {
            double density = Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);
            x -= (NormalCdf(x) - tail) / density;
        }

        return probability < 0.5 ? x : -x;
    }

    /// <summary>
    /// P(X ≤ <paramref name="x"/>) of Student's t with <paramref name="degrees"/> degrees of freedom; the upper tail is <c>StudentCdf(-x, …)</c>.
    /// </summary>
    public static double StudentCdf(double x, double degrees)
    {
        double half = 0.5 * BetaCdf(degrees / (degrees + (x * x)), 0.5 * degrees, 0.5);
        return x > 0 ? 1 - half : half;
    }

    /// <summary>Student's t quantile for a probability in (0, 1), by bisection on the tail.</summary>
    public static double StudentQuantile(double probability, double degrees)
    {
        double tail = Math.Min(probability, 1 - probability);
        if (!(tail > 0))
        {
            return NormalQuantile(probability);
        }

        double low = -1;
        while (StudentCdf(low, degrees) > tail)
        {
            low *= 2;
        }

        double x = Bisect(value => StudentCdf(value, degrees) - tail, low, 0);
        return probability < 0.5 ? x : -x;
    }

    /// <summary>P(X ≤ <paramref name="x"/>) of the beta distribution: the regularised incomplete beta function; x in [0, 1], a and b above 0.</summary>
    public static double BetaCdf(double x, double a, double b)
    {
        if (x is <= 0 or >= 1)
        {
            return x <= 0 ? 0 : 1;
        }

        // The continued fraction converges fast on the side of the mean.
        return x < (a + 1) / (a + b + 2) ? BetaFraction(x, a, b) / a : 1 - (BetaFraction(1 - x, b, a) / b);
    }

    /// <summary>P(X ≤ <paramref name="successes"/>) of the binomial with <paramref name="trials"/> and <paramref name="probability"/>.</summary>
    public static double BinomialCdf(int successes, int trials, double probability) =>
        successes < 0 ? 0 : successes >= trials ? 1 : BetaCdf(1 - probability, trials - successes, successes + 1);

    /// <summary>P(X = <paramref name="successes"/>) of the binomial.</summary>
    public static double BinomialPmf(int successes, int trials, double probability) => probability is <= 0 or >= 1
        ? successes == (probability <= 0 ? 0 : trials) ? 1 : 0
        : Math.Exp(
            LogGamma(trials + 1) - LogGamma(successes + 1) - LogGamma(trials - successes + 1)
            + (successes * Math.Log(probability)) + ((trials - successes) * Math.Log(1 - probability)));

    /// <summary>Logarithm of the gamma function for <paramref name="x"/> above 0: Stirling's series after shifting x to 15 or more.</summary>
    public static double LogGamma(double x)
    {
        double product = 1;
        while (x < 15)
        {
            product *= x;
            x += 1;
        }

        double inverse = 1 / (x * x);
        double series = 0;
        foreach (double coefficient in StirlingCoefficients)
        {
            series = (series * inverse) + coefficient;
        }

        series /= x;
        return ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI)) + series - Math.Log(product);
    }

    /// <summary>Upper regularised incomplete gamma function Q(a, x): P(chi² &gt; 2x) with 2a degrees of freedom.</summary>
    public static double GammaQ(double a, double x)
    {
        if (x <= 0)
        {
            return 1;
        }

        double front = Math.Exp((a * Math.Log(x)) - x - LogGamma(a));
        return x < a + 1 ? 1 - (front * GammaSeries(a, x)) : front * GammaFraction(a, x);
    }

    private static double GammaSeries(double a, double x)
    {
        double term = 1 / a;
        double sum = term;
        for (int n = 1; n < 1000 && term > sum * 1e-17; n++)
        {
            term *= x / (a + n);
            sum += term;
        }

        return sum;
    }

    /// <summary>Legendre's continued fraction by Lentz's method.</summary>
    private static double GammaFraction(double a, double x)
    {
        double b = x + 1 - a;
        double c = 1 / Tiny;
        double d = 1 / b;
        double fraction = d;
        for (int i = 1; i < 10000; i++)
        {
            double an = -i * (i - a);
            b += 2;
            d = 1 / NotZero((an * d) + b);
            c = NotZero(b + (an / c));
            double step = c * d;
            fraction *= step;
            if (Math.Abs(step - 1) < 1e-16)
            {
                break;
            }
        }

        return fraction;
    }

    /// <summary>x^a (1-x)^b / B(a, b) times the continued fraction of the incomplete beta function, by Lentz's method.</summary>
    private static double BetaFraction(double x, double a, double b)
    {
        double front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * Math.Log(x)) + (b * double.LogP1(-x)));
        double c = 1;
        double d = 1 / NotZero(1 - ((a + b) * x / (a + 1)));
        double fraction = d;
        for (int m = 1; m < 10000; m++)
        {
            double even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            double odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / NotZero(1 + (even * d));
            c = NotZero(1 + (even / c));
            fraction *= c * d;
            d = 1 / NotZero(1 + (odd * d));
            c = NotZero(1 + (odd / c));
            double step = c * d;
            fraction *= step;
            if (Math.Abs(step - 1) < 1e-16)
            {
                break;
            }
        }

        return front * fraction;
    }

    private static double NotZero(double value) => Math.Abs(value) < Tiny ? Tiny : value;

    /// <summary>The root of an increasing function between two points, to the last bit or 200 halvings.</summary>
    private static double Bisect(Func<double, double> function, double low, double high)
    {
        for (int i = 0; i < 200; i++)
        {
            double middle = 0.5 * (low + high);
            if (middle <= low || middle >= high)
            {
                break;
            }

            (low, high) = function(middle) > 0 ? (low, middle) : (middle, high);
        }

        return 0.5 * (low + high);
    }
}
