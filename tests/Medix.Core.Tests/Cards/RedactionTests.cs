using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Medix.Runs;
using Medix.Runs.Recipes;

namespace Medix.Core.Tests.Cards;

public sealed class RedactionTests
{
    private const string Key = "sk-aaaaBBBB0000ccccDDDD1111";

    [Theory]
    [InlineData("https://me:pa55@judge.example.org:8085/v1", "https://REMOVED@judge.example.org:8085/v1")]
    [InlineData("https://pa55token@judge.example.org/v1", "https://REMOVED@judge.example.org/v1")]
    [InlineData("HTTPS://me:p@ss@judge.example.org/v1", "HTTPS://REMOVED@judge.example.org/v1")]
    [InlineData("http://me:pa ss@judge.example.org/v1", "http://REMOVED@judge.example.org/v1")]
    [InlineData("http://me:pa/ss@judge.example.org", "http://REMOVED@judge.example.org")]
    [InlineData("http://me:pa#ss@judge.example.org", "http://REMOVED@judge.example.org")]
    [InlineData("http:\\\\me:pa55@judge.example.org/v1", "http://REMOVED@judge.example.org/v1")]
    [InlineData(" http://me:pa55@judge.example.org ", "http://REMOVED@judge.example.org")]
    [InlineData("http://[::1]:8085/v1", "http://[::1]:8085/v1")]
    [InlineData("https://host/v1?api_key=pa55", "https://host/v1?api_key=REMOVED")]
    [InlineData("https://host/v1?api-version=2024-06-01&subscription=pa55", "https://host/v1?api-version=2024-06-01&subscription=REMOVED")]
    [InlineData("https://host/v1?pa55", "https://host/v1?REMOVED")]
    [InlineData("https://host/v1?sig=a b pa55#access_token=pa55", "https://host/v1?sig=REMOVED#access_token=REMOVED")]
    [InlineData("https://host/sk-aaaaBBBB0000ccccDDDD1111/v1", "https://host/REMOVED/v1")]
    [InlineData("https://huggingface.co/Qwen/Qwen3-VL-30B-A3B-Instruct", "https://huggingface.co/Qwen/Qwen3-VL-30B-A3B-Instruct")]
    [InlineData("file:///home/someone/my%20data", "my data")]
    [InlineData("s3://KEY:SEC/RET@bucket/data", "s3://REMOVED@bucket/data")]
    public void Addresses_lose_what_opens_them(string value, string published) => Assert.Equal(published, Redaction.Setting(value));

    [Theory]
    [InlineData("/data/studies/private set/vqa", "vqa")]
    [InlineData("/home/someone/models/mine/", "mine")]
    [InlineData("/home/someone", "REMOVED")]
    [InlineData("/root", "REMOVED")]
    [InlineData("/", "REMOVED")]
    [InlineData("~/models/mine", "mine")]
    [InlineData("~someone/models/mine", "mine")]
    [InlineData("~", "REMOVED")]
    [InlineData("../../home/someone/models/mine", "mine")]
    [InlineData("C:\\Users\\someone\\models\\mine", "mine")]
    [InlineData("C:\\Users\\someone", "REMOVED")]
    [InlineData("c:/models/mine", "mine")]
    [InlineData("D:\\", "REMOVED")]
    [InlineData("\\\\server\\share\\mine", "mine")]
    [InlineData("/x/hub/models--Qwen--Qwen3-VL-8B-Instruct/snapshots/0123", "Qwen/Qwen3-VL-8B-Instruct")]
    public void Local_folders_become_their_last_part(string value, string published) => Assert.Equal(published, Redaction.Setting(value));

    [Theory]
    [InlineData("nano")]
    [InlineData("Qwen/Qwen3-VL-8B-Instruct")]
    [InlineData("data/vqa-rad")]
    [InlineData("../images")]
    [InlineData("MEDIX_API_KEY")]
    [InlineData("2026-01-02T03:04:05+00:00")]
    [InlineData("prompt longer than 256 tokens, max_tokens=256, 8 /10, n/a and/or 1 / 2")]
    [InlineData("<answer>left</answer> 95 % ~ 3:4")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Everything_else_stays(string value) => Assert.Equal([value, value], [Redaction.Setting(value), Redaction.Text(value)]);

    [Theory]
    [InlineData("judge: https://me:pa55@host/v1?key=pa55: refused", "judge: https://REMOVED@host/v1?key=REMOVED refused")]
    [InlineData("parquet /data/someone/vqa", "parquet vqa")]
    [InlineData("row 3 (\"/home/someone/x.png\"): cut short", "row 3 (\"x.png\"): cut short")]
    [InlineData("from=C:\\Users\\someone\\x.png", "from=x.png")]
    [InlineData("401 for Bearer abcdefgh12345678", "401 for Bearer REMOVED")]
    [InlineData("password=hunter22 refused", "password=REMOVED refused")]
    [InlineData("proxy me:pa55@host:80 refused", "proxy REMOVED@host:80 refused")]
    [InlineData("wrong key " + Key + ".", "wrong key REMOVED.")]
    public void Messages_are_searched(string text, string published) => Assert.Equal(published, Redaction.Text(text));

    [Fact]
    public void A_messages_path_with_blanks_is_found_where_it_is_a_setting()
    {
        TrainRecipe recipe = new() { Data = new DataRecipe { Kind = "jsonl", Path = "/data/Dr Someone/set 1" } };
        Assert.Equal("jsonl set 1", Redaction.Of(recipe).Apply("jsonl /data/Dr Someone/set 1"));
        Assert.Equal("set 1/p 7.png: cut short", Redaction.Of(recipe).Apply("/data/Dr Someone/set 1/p 7.png: cut short"));
    }

    [Fact]
    public void Reasons_that_differ_by_a_path_only_are_counted_together()
    {
        Dictionary<string, int> counts = new() { ["/a/b/x.png cut"] = 2, ["/c/d/x.png cut"] = 3, ["other"] = 1 };
        Assert.Equal(new Dictionary<string, int> { ["x.png cut"] = 5, ["other"] = 1 }, Redaction.Of("").Apply(counts));
    }

    /// <summary>Every text of a recipe, those of settings that come later too, found by walking its JSON.</summary>
    [Theory]
    [InlineData("https://me:pa55@host/v1?api_key=pa55")]
    [InlineData("/home/pa55/models/mine")]
    [InlineData("C:\\Users\\pa55\\mine")]
    [InlineData("hf_pa55pa55pa55pa55pa55pa55")]
    public void No_setting_is_published_as_it_is_whatever_its_name(string secret)
    {
        JsonObject json = JsonNode.Parse(RecipeLoader.ToJson(Full()))!.AsObject();
        int changed = Replace(json, secret);
        Assert.True(changed >= 12, $"{changed} texts in a recipe");
        TrainRecipe recipe = json.Deserialize<TrainRecipe>(EventLog.Lines)!;
        Assert.DoesNotContain("pa55", RecipeLoader.ToJson(Redaction.Of(recipe).Apply(recipe)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_recipe_without_secrets_stays_as_it_is()
    {
        TrainRecipe recipe = Full();
        Assert.Equal(RecipeLoader.ToJson(recipe), RecipeLoader.ToJson(Redaction.Of(recipe).Apply(recipe)));
    }

    [Fact]
    public void Any_text_is_taken() => Gen
        .OneOf(Gen.String, Gen.Char["/\\:@?#=& ~.aC1\"('"].Array.Select(c => new string(c)), Gen.Char["/\\:@?#=& ~.aC1"].Array.Select(c => "http://" + new string(c)))
        .Sample(text => Redaction.Text(text).Length + Redaction.Setting(text).Length <= 2 * (text.Length + 1) * (Redaction.Mark.Length + 1));

    [Theory]
    [InlineData("a")]
    [InlineData("a:")]
    [InlineData("a-")]
    [InlineData("eyJa.")]
    [InlineData("/a")]
    [InlineData("a:/")]
    [InlineData("~a")]
    public void A_long_text_is_read_through(string part) => Assert.NotNull(Redaction.Text(string.Concat(Enumerable.Repeat(part, 300_000))));

    [Fact]
    public void No_password_of_an_address_survives() =>
        Gen.Select(Gen.Char["abc%:@!$'*+,;= "].Array[1, 12], Gen.Char["ab1"].Array[1, 5]).Sample((password, host) =>
        {
            string secret = new string(password).Trim() + "Q7";
            return !Redaction.Setting($"https://me:{secret}@{new string(host)}/v1").Contains("Q7", StringComparison.Ordinal);
        });

    private static TrainRecipe Full() => new()
    {
        Model = new ModelRecipe { License = "mit" },
        Data = new DataRecipe { Kind = "parquet", Path = "data/vqa", License = "mit", Modalities = ["CT_SCAN"] },
        Reward = new RewardRecipe
        {
            Judge = new EndpointRecipe { Url = "http://localhost:8085/v1", Model = "judge", ApiKeyVariable = "KEY" },
            Embedding = new EndpointRecipe { Url = "http://localhost:8086/v1", Model = "embedder" },
        },
    };

    private static int Replace(JsonNode? node, string secret)
    {
        switch (node)
        {
            case JsonObject fields:
                return fields.ToArray().Sum(field => IsText(field.Value) ? Set(() => fields[field.Key] = secret) : Replace(field.Value, secret));
            case JsonArray items:
                return Enumerable.Range(0, items.Count).Sum(i => IsText(items[i]) ? Set(() => items[i] = secret) : Replace(items[i], secret));
            default:
                return 0;
        }
    }

    private static bool IsText(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String;

    private static int Set(Action set)
    {
        set();
        return 1;
    }
}
