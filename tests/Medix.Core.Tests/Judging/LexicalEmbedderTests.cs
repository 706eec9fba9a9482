using System.Numerics.Tensors;
using Medix.Judging;
using Microsoft.Extensions.AI;

namespace Medix.Core.Tests.Judging;

public class LexicalEmbedderTests
{
    private static readonly string[] References =
        ["pleural effusion", "pleural thickening", "pleural plaque", "right pneumothorax", "left pneumothorax", "fracture of the left radius", "normal"];

    [Fact]
    public void Vectors_have_length_one_and_a_text_equals_itself_in_any_case_and_punctuation()
    {
        LexicalEmbedder embedder = LexicalEmbedder.Fit(References);
        Assert.Equal(1, TensorPrimitives.Norm<float>(embedder.Embed("pleural effusion")), 5);
        Assert.Equal(1, Cosine(embedder, "Pleural effusion.", "pleural  EFFUSION"), 5);
        Assert.Equal(2048, embedder.Embed("x").Length);
    }

    [Fact]
    public void Plural_is_near_and_other_words_are_far()
    {
        LexicalEmbedder embedder = LexicalEmbedder.Fit(References);
        Assert.True(Cosine(embedder, "pleural effusion", "pleural effusions") > 0.7);
        Assert.True(Cosine(embedder, "pleural effusion", "skull fracture") < 0.2);
    }

    [Fact]
    public void What_is_common_to_the_references_weighs_less()
    {
        LexicalEmbedder fitted = LexicalEmbedder.Fit(References);
        LexicalEmbedder even = LexicalEmbedder.Fit([]);
        Assert.True(Cosine(fitted, "pleural effusion", "pleural plaque") < Cosine(even, "pleural effusion", "pleural plaque"));
    }

    [Fact]
    public async Task The_same_references_give_the_same_vectors()
    {
        LexicalEmbedder first = LexicalEmbedder.Fit(References, 256);
        LexicalEmbedder second = LexicalEmbedder.Fit(References, 256);
        GeneratedEmbeddings<Embedding<float>> embeddings = await first.GenerateAsync(["left lung", "β"], null, TestContext.Current.CancellationToken);
        Assert.Equal(second.Embed("left lung"), embeddings[0].Vector.ToArray());
        Assert.Equal(256, embeddings[1].Vector.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("...")]
    public void A_text_without_letters_is_all_zeros(string text) => Assert.All(LexicalEmbedder.Fit(References).Embed(text), value => Assert.Equal(0, value));

    [Theory]
    [InlineData(100)]
    [InlineData(32)]
    public void Dimensions_are_powers_of_two(int dimensions) => Assert.Throws<ArgumentOutOfRangeException>(() => LexicalEmbedder.Fit([], dimensions));

    private static double Cosine(LexicalEmbedder embedder, string a, string b) =>
        TensorPrimitives.CosineSimilarity<float>(embedder.Embed(a), embedder.Embed(b));
}
