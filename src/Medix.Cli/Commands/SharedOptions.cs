using System.CommandLine;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary>Arguments and options that several commands share.</summary>
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

    public static Option<KeyValueStorage> KeysAndValues() => new("--kv")
    {
        Description = "Keys and values of computed tokens: fp32, fp16 (half the memory, hardly a difference) or int8 (a quarter)",
        DefaultValueFactory = _ => KeyValueStorage.Fp32,
    };

    public static Option<bool> Json() => new("--json") { Description = "End with one line of JSON on standard output; progress goes to standard error" };

    /// <summary>Refuses an option's value.</summary>
    public static void Require(bool holds, string fault)
    {
        if (!holds)
        {
            throw new MedixException(fault);
        }
    }
}
