using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>
/// Fetches the bytes of one file into a partial file: several ranges at once, each tried again where it broke off, then the hash.
/// Nothing gets the file's name before the hash is right.
/// </summary>
internal sealed class BlobTransfer(HubHttp http, HubApi api, HubOptions options, SemaphoreSlim connections, TimeProvider time)
{
    private const int BufferBytes = 128 << 10;

    /// <summary>Fills <paramref name="partial"/> with the file's bytes, from what is there already, and returns once their hash is right.</summary>
    public async Task FetchAsync(BlobSource source, string partial, FileMeter meter, CancellationToken cancellationToken)
    {
        while (true)
        {
            long inherited;
            using (var file = PartialFile.Open(partial, source.File.Size, time))
            {
                inherited = file.Done;
                meter.SetBytes(inherited);
                await FillAsync(source, file, meter, cancellationToken).ConfigureAwait(false);
            }

            meter.Set(FileState.Checking);
            string found = await BlobHash.ComputeAsync(partial, source.File.Etag, cancellationToken).ConfigureAwait(false);
            if (found == source.File.Etag)
            {
                return;
            }

            PartialFile.Delete(partial);
            if (inherited == 0)
            {
                throw HubFaults.WrongHash(source.File.Path, source.File.Etag, found);
            }

            // What an earlier process left may be what is wrong: once more from nothing.
            source.Note($"{source.File.Path}: what an earlier download had left does not fit; starting anew");
            meter.Set(FileState.Fetching);
        }
    }

    private async Task FillAsync(BlobSource source, PartialFile file, FileMeter meter, CancellationToken cancellationToken)
    {
        try
        {
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Connections, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(file.Missing(options.RangeBytes), parallel, async (piece, token) =>
                await FetchPieceAsync(source, file, piece, meter, token).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (RangeRefusedException)
        {
            source.Note($"{source.File.Path}: the server does not send parts of it; fetching the whole");
            await FetchWholeAsync(source, file, meter, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One range; it goes on behind the bytes that arrived, and only tries without any progress are counted.</summary>
    private async Task FetchPieceAsync(BlobSource source, PartialFile file, ByteRange piece, FileMeter meter, CancellationToken cancellationToken)
    {
        long position = piece.Start;
        for (int failures = 0; position < piece.End;)
        {
            long before = position;
            try
            {
                var rest = new ByteRange(position, piece.End);
                await foreach (int count in ReceiveAsync(source, file, rest, whole: rest.Length == file.Size, cancellationToken).ConfigureAwait(false))
                {
                    position += count;
                    meter.Add(count);
                }
            }
            catch (Exception e) when (e is HttpRequestException or TimeoutException)
            {
                failures = position > before ? 1 : failures + 1;
                await PauseAsync(source, e, failures, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The whole file in one answer, from the start each time: for servers without ranges.</summary>
    private async Task FetchWholeAsync(BlobSource source, PartialFile file, FileMeter meter, CancellationToken cancellationToken)
    {
        for (int failures = 0; ;)
        {
            file.Clear();
            meter.SetBytes(0);
            try
            {
                await foreach (int count in ReceiveAsync(source, file, new ByteRange(0, file.Size), whole: true, cancellationToken).ConfigureAwait(false))
                {
                    meter.Add(count);
                }

                return;
            }
            catch (Exception e) when (e is HttpRequestException or TimeoutException)
            {
                await PauseAsync(source, e, ++failures, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task PauseAsync(BlobSource source, Exception error, int failures, CancellationToken cancellationToken)
    {
        if (failures > options.Retries)
        {
            HubFault fault = error is TimeoutException ? HubFault.TimedOut : HubFault.Cut;
            throw HubFaults.Network(fault, source.Direct ?? source.Resolve, failures, error.Message, error);
        }

        source.Note($"{source.File.Path}: {error.Message.TrimEnd('.')}; continuing");
        await http.BackOffAsync(failures, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks for the range and yields the length of each part after it has been written.</summary>
    private async IAsyncEnumerable<int> ReceiveAsync(
        BlobSource source, PartialFile file, ByteRange range, bool whole, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await connections.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using HubAnswer answer = await OpenAsync(source, range, whole, cancellationToken).ConfigureAwait(false);
            Stream body = await answer.Response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            using Silence silence = http.BeginReading(cancellationToken);
            for (long position = range.Start; position < range.End;)
            {
                int wanted = (int)Math.Min(BufferBytes, range.End - position);
                int count = await http.ReadAsync(body, buffer.AsMemory(0, wanted), silence.Source, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw new HttpRequestException("the connection was closed early");
                }

                await file.WriteAsync(position, buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                position += count;
                yield return count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            connections.Release();
        }
    }

    private async Task<HubAnswer> OpenAsync(BlobSource source, ByteRange range, bool whole, CancellationToken cancellationToken)
    {
        Uri? direct = source.Direct;
        HubAnswer answer = await http.SendAsync(
            HttpMethod.Get, direct ?? source.Resolve, whole ? null : range, leaveHost: true, buffered: false, cancellationToken).ConfigureAwait(false);
        try
        {
            HttpStatusCode status = answer.Response.StatusCode;
            if (direct is not null && status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.Gone)
            {
                source.Forget(direct); // signed addresses expire; the hub makes a new one
                throw new HttpRequestException($"{direct.Host} does not accept the address any more ({(int)status})");
            }

            if (!whole && status is HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.OK)
            {
                throw new RangeRefusedException();
            }

            if (!answer.Response.IsSuccessStatusCode)
            {
                throw await api.ErrorAsync(answer, source.Subject, cancellationToken).ConfigureAwait(false);
            }

            CheckLength(source.File, answer, range, whole);
            source.Learn(answer.Uri);
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    private static void CheckLength(RepositoryFile file, HubAnswer answer, ByteRange range, bool whole)
    {
        long? announced = answer.Response.Content.Headers.ContentLength;
        var content = answer.Response.Content.Headers.ContentRange;
        if (!whole && (content is null || content.From != range.Start || content.To != range.End - 1 || (content.Length ?? file.Size) != file.Size))
        {
            throw HubFaults.WrongSize(file.Path, file.Size, $"the server sends 'Content-Range: {content}' where bytes {range.Start} to {range.End - 1} were asked for");
        }

        if (announced is not null && announced != range.Length)
        {
            throw HubFaults.WrongSize(file.Path, file.Size, $"the server sends {announced} where {range.Length} were asked for");
        }
    }
}

/// <summary>The server answered a range with the whole, or refused it.</summary>
internal sealed class RangeRefusedException : Exception;

/// <summary>Where a file's bytes come from: the hub's own address, and the storage address that it redirected to, for as long as that is valid.</summary>
internal sealed class BlobSource(HubRepository repository, LocatedFile located, Uri endpoint, Action<string> note)
{
    private Uri? direct = located.Direct;

    public RepositoryFile File => located.File;

    public Uri Resolve => located.Resolve;

    public Uri? Direct => Volatile.Read(ref direct);

    public HubSubject Subject { get; } = new(endpoint, repository, located.File.Path);

    public void Note(string text) => note(text);

    public void Learn(Uri uri)
    {
        if (uri != Resolve)
        {
            Volatile.Write(ref direct, uri);
        }
    }

    /// <summary>Drops a storage address that is not accepted any more, unless another task has learnt a new one.</summary>
    public void Forget(Uri stale) => Interlocked.CompareExchange(ref direct, null, stale);
}
