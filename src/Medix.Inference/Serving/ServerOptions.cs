using Medix.Inference.Generation.Speculation;
using Medix.Runs;

namespace Medix.Inference.Serving;

/// <summary>How much a <see cref="GenerationServer"/> takes on at once and how much memory it may use.</summary>
public sealed record ServerOptions
{
    /// <summary>Requests that are computed at the same time, at least 1. More share each reading of the weights, and each needs memory for its keys and values.</summary>
    public int MaxLive { get; init; } = 16;

    /// <summary>Requests that wait for a place at most, at least 1; the next one is refused with <see cref="ServerBusyException"/>.</summary>
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Prompt tokens computed between two tokens of the live draws, at least 1: less lets draws go on more evenly, more computes prompts faster.</summary>
    public int PromptChunk { get; init; } = 256;

    /// <summary>Prompt and new tokens of one request at most; null takes the model's own limit.</summary>
    public int? ContextLimit { get; init; }

    /// <summary>Bytes for the keys and values of all requests and of the prefix cache; null takes a quarter of the memory that the process may use.</summary>
    public long? KeyValueBytes { get; init; }

    /// <summary>Of those, bytes that may hold prompts already answered, for others that begin alike; 0 turns the cache off, null takes half.</summary>
    public long? PrefixBytes { get; init; }

    /// <summary>Bytes for the features of images already seen; 0 turns the cache off.</summary>
    public long ImageBytes { get; init; } = 256 << 20;

    /// <summary>
    /// How the next tokens of a draw are guessed from its prompt and what it has written, while no other request is computed: those that are right come several in a pass,
    /// which where an answer repeats its prompt is faster (speculative decoding by <see cref="PromptLookup"/>). Completions are the same either way, so it is on unless this
    /// is null.
    /// </summary>
    public PromptLookupOptions? Speculation { get; init; } = new();

    /// <summary>By which passes are timed (<see cref="PromptLookupOptions.Cost"/>).</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Throws a <see cref="MedixException"/> with every fault.</summary>
    internal void Check(long pageBytes)
    {
        (bool Holds, string Fault)[] rules =
        [
            (MaxLive >= 1, $"MaxLive is {MaxLive}, expected at least 1"),
            (MaxWaiting >= 1, $"MaxWaiting is {MaxWaiting}, expected at least 1"),
            (PromptChunk >= 1, $"PromptChunk is {PromptChunk}, expected at least 1"),
            (ContextLimit is null or >= 2, $"ContextLimit is {ContextLimit}, expected at least 2"),
            (KeyValueBytes is null || KeyValueBytes >= pageBytes, $"KeyValueBytes is {KeyValueBytes}, expected at least one page of this model, {pageBytes}"),
            (PrefixBytes is null or >= 0, $"PrefixBytes is {PrefixBytes}, expected 0 (off) or more"),
            (ImageBytes >= 0, $"ImageBytes is {ImageBytes}, expected 0 (off) or more"),
            (Speculation?.Fault is null, $"Speculation: {Speculation?.Fault}"),
        ];
        string[] faults = [.. rules.Where(rule => !rule.Holds).Select(rule => rule.Fault)];
        if (faults.Length > 0)
        {
            throw new MedixException($"Cannot start the generation server: {string.Join("; ", faults)}.");
        }
    }
}
