namespace Medix.Inference.Tests;

public class SmokeTests
{
    [Fact]
    public void The_repository_is_found() => Assert.True(File.Exists(Path.Combine(Medix.Testing.Repository.Root, "Medix.slnx")));
}
