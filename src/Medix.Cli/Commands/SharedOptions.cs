using System.CommandLine;
using System.CommandLine.Parsing;
using System.Numerics;
using Medix.Inference.Kernels;

namespace Medix.Cli.Commands;

/// <summary>Arguments and options that several commands share, and the kinds of options: their faults name the option, the value and what was expected.</summary>
internal static class SharedOptions
{
    public static Argument<string> Recipe()
    {
        var recipe = new Argument<string>("recipe")
        {
            Description = "Recipe file, or the name of an embedded recipe",
            DefaultValueFactory = _ => "quickstart",
        };
        recipe.Validators.Add(result =>
        {
            // A misspelt option would otherwise be looked for as a recipe.
            if (result.Tokens is [{ Value: ['-', ..] option }])
            {
                result.AddError($"There is no option {option}.");
            }
        });
        return recipe;
    }

    public static Option<string[]> Set() => new("--set")
    {
        Description = "Change a recipe field: PATH=VALUE, for example --set steps=20 (repeatable)",
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
    };

    public static Option<KeyValueStorage?> KeysAndValues() => new("--kv")
    {
        Description = "Keys and values of computed tokens: fp32, fp16 (half the memory, hardly a difference; where weights are integers it stands unless another is given) "
            + "or int8 (a quarter)",
        HelpName = "fp32|fp16|int8",
        CustomParser = result => Choose(result, "--kv", Enum.GetValues<KeyValueStorage>(), out KeyValueStorage chosen) ? chosen : null,
    };

    public static Option<WeightStorage?> Storage(string description) => new("--storage")
    {
        Description = description,
        HelpName = "fp32|bf16|q8|q4k|q4",
        CustomParser = result => Choose(
            result, "--storage", [WeightStorage.Fp32, WeightStorage.Bf16, WeightStorage.Q8, WeightStorage.Q4K, WeightStorage.Q4], out WeightStorage chosen) ? chosen : null,
    };

    public static Option<string> DType(string description) => Text("--dtype", description, "bf16", "fp16", "fp32");

    public static Option<int> Threads() => Number("--threads", "Threads, 0 for one per core", 0, count => count is >= 0 and <= 1024, "0 (one per core) to 1024");

    public static Option<bool> Json() => new("--json") { Description = "End with one line of JSON on standard output; progress goes to standard error" };

    /// <summary>One of an enumeration's values by its name in small letters; the first is the one that stands unless another is given.</summary>
    public static Option<Worded<T>> OneOf<T>(string name, string description, params T[] values)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = string.Join('|', values.Select(Name)),
            DefaultValueFactory = _ => new(values[0], Name(values[0])),
            CustomParser = result => Choose(result, name, values, out T chosen) ? new(chosen, Name(chosen)) : default,
        };

    /// <summary>A number; <paramref name="expected"/> says in words what <paramref name="fits"/> asks.</summary>
    public static Option<T> Number<T>(string name, string description, T value, Func<T, bool> fits, string expected)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => value,
            CustomParser = result => Number(result, result.Tokens[^1].Value, name, fits, expected),
        };

    /// <summary>Several numbers.</summary>
    public static Option<Worded<int[]>> Numbers(string name, string description, int[] values, Func<int, bool> fits, string expected) => new(name)
    {
        Description = description,
        AllowMultipleArgumentsPerToken = true,
        Arity = ArgumentArity.OneOrMore,
        DefaultValueFactory = _ => new(values, string.Join(' ', values)),
        CustomParser = result => new([.. result.Tokens.Select(token => Number(result, token.Value, name, fits, expected))], ""),
    };

    /// <summary>One of some words; the first is the one that stands unless another is given.</summary>
    private static Option<string> Text(string name, string description, params string[] values)
    {
        Option<string> option = new(name) { Description = description, HelpName = string.Join('|', values), DefaultValueFactory = _ => values[0] };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [.., { Value: string given }] && !values.Contains(given))
            {
                result.AddError($"{name} is '{given}', expected {Listed(values)}.");
            }
        });
        return option;
    }

    private static T Number<T>(ArgumentResult result, string given, string name, Func<T, bool> fits, string expected)
        where T : struct, INumber<T>
    {
        if (!T.TryParse(given, CultureInfo.InvariantCulture, out T number) || !fits(number))
        {
            result.AddError($"{name} is {given}, expected {expected}.");
        }

        return number;
    }

    private static bool Choose<T>(ArgumentResult result, string name, T[] values, out T chosen)
        where T : struct, Enum
    {
        string given = result.Tokens[^1].Value;
        int index = Array.FindIndex(values, value => string.Equals(Name(value), given, StringComparison.OrdinalIgnoreCase));
        if (index < 0)
        {
            result.AddError($"{name} is '{given}', expected {Listed([.. values.Select(Name)])}.");
        }

        chosen = index < 0 ? default : values[index];
        return index >= 0;
    }

    private static string Listed(string[] values) => $"{string.Join(", ", values[..^1])} or {values[^1]}";

    private static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>A value and the words for it on a command line, in which help shows a default.</summary>
internal readonly record struct Worded<T>(T Value, string Words)
{
    public static implicit operator T(Worded<T> worded) => worded.Value;

    public override string ToString() => Words ?? "";
}

/// <summary>Values of an option that is on unless it is turned off.</summary>
internal enum Switch
{
    On,
    Off,
}
