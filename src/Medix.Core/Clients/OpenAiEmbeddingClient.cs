using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Medix.Clients;

/// <summary>Embeddings over an OpenAI-compatible endpoint (<c>embeddings</c>), in requests of at most <see cref="MaxBatch"/> texts.</summary>
/// <param name="http">A client whose base address is the endpoint's (see <see cref="EndpointHttp.Create"/>); owned by the caller.</param>
/// <param name="model">The model asked when the options name none.</param>
public sealed class OpenAiEmbeddingClient(HttpClient http, string model) : IEmbeddingGenerator<string, Embedding<float>>
{
    /// <summary>Texts of one request.</summary>
    public const int MaxBatch = 64;

    private readonly EmbeddingGeneratorMetadata _metadata = new("openai-compatible", http.BaseAddress, model);

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">No connection, or a status other than success.</exception>
    /// <exception cref="InvalidDataException">The answer does not hold one vector of equal length for each text.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        GeneratedEmbeddings<Embedding<float>> embeddings = [];
        foreach (string[] batch in values.Chunk(MaxBatch))
        {
            JsonObject body = new() { ["model"] = options?.ModelId ?? model, ["input"] = new JsonArray([.. batch.Select(text => (JsonNode)text)]) };
            JsonElement answer = await EndpointHttp.PostAsync(http, "embeddings", body, cancellationToken).ConfigureAwait(false);
            embeddings.AddRange(Read(answer, batch.Length).Select(vector => new Embedding<float>(vector)));
        }

        return embeddings;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The vectors by their index, which servers need not keep in order.</summary>
    private static float[][] Read(JsonElement answer, int count)
    {
        if (EndpointHttp.Property(answer, "data") is not { ValueKind: JsonValueKind.Array } data)
        {
            throw new InvalidDataException("the endpoint's answer holds no list 'data' of embeddings");
        }

        float[]?[] vectors = new float[count][];
        int place = 0;
        foreach (JsonElement item in data.EnumerateArray())
        {
            int index = (int?)EndpointHttp.Integer(item, "index") ?? place;
            place++;
            if (index < 0 || index >= count || vectors[index] is not null || EndpointHttp.Property(item, "embedding") is not JsonElement vector)
            {
                throw new InvalidDataException($"the endpoint's answer holds no embedding, a second one or one too many at index {index}");
            }

            vectors[index] = Vector(vector);
        }

        float[][] found = [.. vectors.OfType<float[]>()];
        bool whole = found.Length == count && found.All(vector => vector.Length > 0 && vector.Length == found[0].Length);
        return whole ? found : throw new InvalidDataException($"the endpoint answered {place} embeddings, not {count} of equal length");
    }

    private static float[] Vector(JsonElement vector) =>
        vector.ValueKind == JsonValueKind.Array && vector.EnumerateArray().All(value => value.ValueKind == JsonValueKind.Number)
            ? [.. vector.EnumerateArray().Select(value => value.GetSingle())]
            : throw new InvalidDataException("an embedding of the endpoint's answer is not a list of numbers");
}
