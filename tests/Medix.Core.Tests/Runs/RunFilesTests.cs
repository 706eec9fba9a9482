using Medix.Runs;

namespace Medix.Core.Tests.Runs;

public class RunFilesTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-test-").FullName;

    private sealed record Line(int Step, double Value);

    [Fact]
    public void Run_folders_of_one_second_get_different_names()
    {
        var time = new FixedTime();
        Assert.NotEqual(RunFolder.Create(folder, "a", time).Path, RunFolder.Create(folder, "a", time).Path);
    }

    [Fact]
    public void An_event_log_survives_a_cut_last_line_and_keeps_nan()
    {
        string path = Path.Combine(folder, "events.jsonl");
        using (var log = new EventLog(path))
        {
            log.Append(new Line(1, double.NaN));
            log.Append(new Line(2, 0.1 + 0.2));
        }

        File.AppendAllText(path, "{\"step\": 3, \"val");
        Assert.Equal([new Line(1, double.NaN), new Line(2, 0.1 + 0.2)], EventLog.Read<Line>(path));
    }

    [Fact]
    public void An_atomic_write_that_fails_leaves_the_old_file()
    {
        string path = Path.Combine(folder, "taken");
        Directory.CreateDirectory(Path.Combine(path, "inside")); // a folder that cannot be replaced by a file
        Assert.ThrowsAny<Exception>(() => AtomicFile.WriteAllText(path, "new"));
        Assert.True(Directory.Exists(Path.Combine(path, "inside")));
        Assert.Empty(Directory.GetFiles(folder)); // no temporary file is left
    }

    [Fact]
    public void Derived_seeds_differ_by_every_part_and_repeat()
    {
        ulong[] seeds = [Seed.Derive(1, 2, 3), Seed.Derive(1, 3, 2), Seed.Derive(2, 2, 3), Seed.Derive(1, 2), Seed.Derive(1, 2, 4)];
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
        Assert.Equal(seeds[0], Seed.Derive(1, 2, 3));
    }

    [Fact]
    public void A_restored_generator_continues_exactly()
    {
        SeededRandom a = Seed.Random(5);
        a.NextDouble();
        var b = new SeededRandom(a.State);
        Assert.Equal(a.NextBits(), b.NextBits());
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;
    }
}
