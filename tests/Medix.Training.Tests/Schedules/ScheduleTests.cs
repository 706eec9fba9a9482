using System.Text.Json;
using Medix.Training.Schedules;
using Medix.Training.Tests.Losses;

namespace Medix.Training.Tests.Schedules;

public class ScheduleTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Every_row_agrees() => RlGolden.Run("schedules", (_, c) =>
    {
        int warmup = c.GetProperty("warmup").GetInt32();
        int total = (int)(RlGolden.OptionalNumber(c, "total") ?? 0);
        JsonElement options = c.GetProperty("options");
        LearningRateSchedule schedule = RlGolden.Text(c, "scheduler") switch
        {
            "constant" => new(ScheduleShape.Constant),
            "constant_with_warmup" or "original constant" => new(ScheduleShape.Constant, warmup),
            "cosine" => new(ScheduleShape.Cosine, warmup, total),
            "cosine_with_min_lr" => new(ScheduleShape.Cosine, warmup, total, RlGolden.Number(options.GetProperty("min_lr_rate"))),
            "original cosine" => new(ScheduleShape.Cosine, warmup, total, RlGolden.OptionalNumber(options, "min_lr_ratio") ?? 0),
            string other => throw new InvalidDataException($"unknown scheduler {other}"),
            null => throw new InvalidDataException("no scheduler"),
        };
        double[] factors = [.. c.GetProperty("factor").EnumerateArray().Select(RlGolden.Number)];
        RlGolden.Close(factors, [.. factors.Select((_, step) => schedule.Factor(step))], "factor");
    });

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(5, 0.5)]
    [InlineData(10, 1.0)]
    [InlineData(60, 0.55)]
    [InlineData(110, 0.1)]
    public void Cosine_with_warm_up_and_minimum(int step, double factor) =>
        Assert.Equal(factor, new LearningRateSchedule(ScheduleShape.Cosine, 10, 110, 0.1).Factor(step), 12);
}
