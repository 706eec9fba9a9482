using CsCheck;
using Medix.Inference.Packed;
using Microsoft.Win32.SafeHandles;

namespace Medix.Inference.Tests;

public sealed class WindowWriterTests : IDisposable
{
    private const int Window = WindowWriter.WindowBytes;
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Pieces_in_any_order_make_the_file_with_zeros_where_none_was_given() =>
        (from size in Gen.Int[1, (3 * Window) + 100]
         from cuts in Gen.Int[0, size].Array[0, 12]
         from order in Gen.Shuffle(Enumerable.Range(0, cuts.Length + 1).ToArray())
         from given in Gen.Int[1, order.Length]
         select (size, cuts, order, given)).Sample(
            file =>
            {
                int[] borders = [0, .. file.cuts.Order(), file.size];
                byte[] whole = new byte[file.size], expected = new byte[file.size];
                new Random(file.size).NextBytes(whole);
                using SafeFileHandle handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
                RandomAccess.SetLength(handle, file.size);
                WindowWriter writer = new(handle, file.size);
                foreach (int piece in file.order.Take(file.given))
                {
                    Range part = borders[piece]..borders[piece + 1];
                    writer.Write(whole.AsSpan(part), borders[piece]);
                    whole.AsSpan(part).CopyTo(expected.AsSpan(part));
                }

                Assert.True(file.given < file.order.Length || writer.Waiting == 0, $"{writer.Waiting} windows wait for bytes that they have.");
                writer.Flush();
                handle.Dispose();
                Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(path)), "The file is not what its pieces are.");
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void A_window_is_written_when_it_is_whole_and_not_before()
    {
        byte[] whole = new byte[Window + 1];
        new Random(1).NextBytes(whole);
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        WindowWriter writer = new(handle, whole.Length);
        writer.Write(whole.AsSpan(5), 5);
        Assert.Equal((1, Window + 1L), (writer.Waiting, RandomAccess.GetLength(handle)));
        Assert.Equal(-1, Read().AsSpan(0, Window).IndexOfAnyExcept((byte)0));
        writer.Write(whole.AsSpan(0, 5), 0);
        Assert.Equal(0, writer.Waiting);
        Assert.Equal(whole, Read());
    }

    private byte[] Read()
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
