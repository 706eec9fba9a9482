using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Core.Tests.Weights;

public sealed class CheckpointWriterTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void A_checkpoint_written_again_is_equal_byte_for_byte()
    {
        string root = SharedFiles.Require("goldens", "models");
        string[] folders = [.. Directory.GetDirectories(root, "*", SearchOption.AllDirectories)
            .Where(folder => File.Exists(Path.Combine(folder, "config.json"))
                && !File.ReadAllText(Path.Combine(folder, "config.json")).Contains("BertModel", StringComparison.Ordinal))];
        Assert.Contains(folders, folder => File.Exists(Path.Combine(folder, "model.safetensors.index.json")));
        foreach (string folder in folders)
        {
            using TempFolder temp = new();
            using Checkpoint source = Checkpoint.Open(folder);
            CheckpointWriter.Copy(source, temp.Path, TestContext.Current.CancellationToken);
            string[] written = [.. Directory.GetFiles(temp.Path).Select(file => Path.GetFileName(file)!)];
            Assert.Contains(written, name => name.EndsWith(".safetensors", StringComparison.Ordinal));
            Assert.All(written, name => Assert.Equal(File.ReadAllBytes(Path.Combine(folder, name)), File.ReadAllBytes(temp.File(name))));
            using Checkpoint again = Checkpoint.Open(temp.Path);
            Assert.Equal(source.Names.Order(), again.Names.Order());
        }
    }

    [Fact]
    public void Shards_are_filled_in_order_and_named_by_the_index()
    {
        using TempFolder temp = new();
        Write(temp, TinyModel.Save(temp, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)), 3000);
        string[] shards = [.. Directory.GetFiles(temp.Path, "model-*").Select(file => Path.GetFileName(file)!).Order()];
        Assert.True(shards.Length > 1);
        Assert.All(shards, (name, i) => Assert.Equal($"model-{i + 1:00000}-of-{shards.Length:00000}.safetensors", name));
        Assert.False(File.Exists(temp.File("model.safetensors")), "the single file belongs to neither");
        using Checkpoint sharded = Checkpoint.Open(temp.Path);
        using TempFolder other = new();
        using Checkpoint whole = Checkpoint.Open(TinyModel.Save(other, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)));
        Assert.All(whole.Names, name => Assert.Equal(whole.ReadFloat32(name), sharded.ReadFloat32(name)));
        Write(temp, TinyModel.Save(other, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)), long.MaxValue);
        Assert.Empty(Directory.GetFiles(temp.Path, "model-*"));
        Assert.False(File.Exists(temp.File("model.safetensors.index.json")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5000)]
    [InlineData(12_000)]
    public void A_full_disk_leaves_the_old_checkpoint_as_it_was(int room)
    {
        using TempFolder temp = new();
        string folder = TinyModel.Save(temp, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        Dictionary<string, byte[]> before = Directory.GetFiles(folder).ToDictionary(file => file, File.ReadAllBytes);
        using TempFolder other = new();
        using Checkpoint source = Checkpoint.Open(TinyModel.Save(other, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)));
        long left = room;
        StreamedTensor[] tensors = Streamed(source);
        CheckpointWriter.Shard[] shards = [.. CheckpointWriter.Partition(tensors, 4000).Select((part, i) => new CheckpointWriter.Shard($"model-{i}.safetensors", part, null))];
        MedixException error = Assert.Throws<MedixException>(() => CheckpointWriter.WriteShards(
            folder, shards, null, TestContext.Current.CancellationToken, create: file => new FullDisk(File.Create(file), () => left, used => left -= used)));
        Assert.Contains("No space left", error.Message, StringComparison.Ordinal);
        Assert.Contains("bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(before.Keys.Order(), Directory.GetFiles(folder).Order());
        Assert.All(before, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Merging_whole_folders_changes_what_PEFT_changes_and_nothing_else()
    {
        string models = SharedFiles.Require("goldens", "models");
        string[] cases = Directory.GetDirectories(Path.Combine(models, "lora"));
        Assert.NotEmpty(cases);
        foreach (string folder in cases)
        {
            string adapter = Path.Combine(folder, "adapter"), model = Path.Combine(models, LoraConfigFile.Read(Path.Combine(adapter, LoraConfigFile.Name)).BaseModel!);
            using TempFolder merged = new();
            using TempFolder back = new();
            AdapterFolders.Merge(model, adapter, merged.Path, TestContext.Current.CancellationToken);
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "merged-changed-tensors.safetensors"));
            using Checkpoint before = Checkpoint.Open(model), after = Checkpoint.Open(merged.Path);
            foreach (string name in before.Names)
            {
                float[] values = after.ReadFloat32(name), wanted = expected.Tensors.ContainsKey(name) ? expected.ReadFloat32(name) : before.ReadFloat32(name);
                Assert.True(wanted.Zip(values, (a, b) => Math.Abs(a - b)).Max() <= (expected.Tensors.ContainsKey(name) ? 2e-6f : 0), $"{folder} {name}");
            }

            if (!LoraConfigFile.Read(Path.Combine(adapter, LoraConfigFile.Name)).Dora)
            {
                AdapterFolders.Unmerge(merged.Path, adapter, back.Path, TestContext.Current.CancellationToken);
                using Checkpoint again = Checkpoint.Open(back.Path);
                Assert.All(before.Names, name => Assert.True(before.ReadFloat32(name).Zip(again.ReadFloat32(name), (a, b) => Math.Abs(a - b)).Max() <= 2e-6f, name));
            }
            else
            {
                Assert.Throws<MedixException>(() => AdapterFolders.Unmerge(merged.Path, adapter, back.Path, TestContext.Current.CancellationToken));
                Assert.Empty(Directory.GetFiles(back.Path, "*.safetensors*"));
            }
        }
    }

    [Fact]
    public void A_checkpoint_is_not_written_over_itself()
    {
        using TempFolder temp = new();
        using Checkpoint source = Checkpoint.Open(TinyModel.Save(temp, TinyModel.Config, TinyModel.Tensors(TinyModel.Config)));
        Assert.Throws<MedixException>(() => CheckpointWriter.Copy(source, temp.Path, TestContext.Current.CancellationToken));
    }

    private static void Write(TempFolder target, string folder, long shardBytes)
    {
        using TempFolder copy = new();
        foreach (string file in Directory.GetFiles(folder))
        {
            File.Copy(file, copy.File(Path.GetFileName(file)));
        }

        using Checkpoint source = Checkpoint.Open(copy.Path);
        CheckpointWriter.Write(target.Path, Streamed(source), new(shardBytes), TestContext.Current.CancellationToken);
    }

    private static StreamedTensor[] Streamed(Checkpoint source) =>
        [.. source.Names.Select(name => new StreamedTensor(name, source.Info(name).DType, source.Info(name).Shape, stream => stream.Write(source.Bytes(name))))];

    /// <summary>A file on a disk with so much room left.</summary>
    private sealed class FullDisk(FileStream inner, Func<long> left, Action<long> use) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => inner.Position = value; }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

        public override void SetLength(long value) => inner.SetLength(value);

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (count > left())
            {
                throw new IOException("No space left on device");
            }

            use(count);
            inner.Write(buffer, offset, count);
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
