using System.CommandLine;
using Medix.Runs.Recipes;

namespace Medix.Cli.Commands;

/// <summary><c>medix recipes</c>: lists the embedded recipes or prints one with every default filled in; <c>--schema</c> prints the JSON Schema.</summary>
internal static class RecipesCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("name") { Description = "Recipe to print, with all defaults filled in", DefaultValueFactory = _ => null };
        var schema = new Option<bool>("--schema") { Description = "Print the JSON Schema of recipes" };
        var command = new Command("recipes", "List the embedded recipes, or print one") { name, schema };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(schema))
            {
                Console.WriteLine(RecipeSchema.ForTraining().ToJsonString(Runs.EventLog.Indented));
            }
            else if (parsed.GetValue(name) is { } wanted)
            {
                Console.WriteLine(RecipeLoader.ToJson(RecipeLoader.Load(wanted, [])));
            }
            else
            {
                Console.WriteLine(string.Join(Environment.NewLine, RecipeLoader.EmbeddedNames));
            }

            return ExitCode.Success;
        });
        return command;
    }
}
