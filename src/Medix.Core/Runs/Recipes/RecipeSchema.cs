using System.Reflection;
using System.Text.Json.Nodes;

namespace Medix.Runs.Recipes;

/// <summary>The JSON Schema (2020-12) of a recipe, made from the same records and attributes that the binder checks.</summary>
public static class RecipeSchema
{
    /// <summary>The schema of a train recipe.</summary>
    public static JsonObject ForTraining()
    {
        JsonObject schema = Describe(typeof(TrainRecipe), new TrainRecipe());
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "Medix train recipe");
        ((JsonObject)schema["properties"]!).Insert(0, "$schema", new JsonObject { ["type"] = "string" });
        return schema;
    }

    private static JsonObject Describe(Type record, object defaults)
    {
        var properties = new JsonObject();
        foreach (PropertyInfo field in RecipeBinder.Fields(record))
        {
            JsonObject described = Field(field, field.GetValue(defaults));
            if (field.GetCustomAttribute<MeaningAttribute>() is { } meaning)
            {
                described["description"] = meaning.Text;
            }

            properties[RecipeBinder.JsonName(field)] = described;
        }

        return new JsonObject { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = properties };
    }

    private static JsonObject Field(PropertyInfo field, object? value)
    {
        Type type = Nullable.GetUnderlyingType(field.PropertyType) ?? field.PropertyType;
        bool nullable = type != field.PropertyType || new NullabilityInfoContext().Create(field).WriteState == NullabilityState.Nullable;
        if (type == typeof(string) || type.IsPrimitive)
        {
            return Scalar(field, type, nullable, value);
        }

        return type.IsGenericType
            ? new JsonObject { ["type"] = nullable ? new JsonArray("array", "null") : "array", ["items"] = new JsonObject { ["type"] = "string" } }
            : Describe(type, value ?? Activator.CreateInstance(type)!);
    }

    private static JsonObject Scalar(PropertyInfo field, Type type, bool nullable, object? value)
    {
        string kind = type == typeof(string) ? "string" : type == typeof(bool) ? "boolean" : type == typeof(double) ? "number" : "integer";
        var described = new JsonObject { ["type"] = nullable ? new JsonArray(kind, "null") : kind };
        if (field.GetCustomAttribute<OneOfAttribute>() is { } words)
        {
            described["enum"] = new JsonArray([.. words.Words.Select(w => (JsonNode?)w), .. nullable ? new JsonNode?[] { null } : []]);
        }

        if (field.GetCustomAttribute<BetweenAttribute>() is { } range)
        {
            described["minimum"] = range.Low;
            described["maximum"] = range.High;
        }

        if (value is not null)
        {
            described["default"] = System.Text.Json.JsonSerializer.SerializeToNode(value, type);
        }

        return described;
    }
}
