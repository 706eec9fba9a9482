using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Microsoft.Win32.SafeHandles;

namespace Medix.Training.Native;

/// <summary>
/// Makes TorchSharp load where its native library asks for a newer C++ runtime than the system has (Debian 12 and others with GCC 12 or older).
/// <c>libLibTorchSharp.so</c> names the symbol version GLIBCXX_3.4.32 but has no relocation that uses it, so the library works once that need is
/// marked weak. This class answers .NET's "native library not found" event with such a copy, held in memory: nothing is written to disk, and where
/// the ordinary load works the event is never raised.
/// </summary>
public static partial class TorchNative
{
    private const string Library = "LibTorchSharp";
    private const string FileName = "libLibTorchSharp.so";
    private const string UnusedVersion = "GLIBCXX_3.4.32";

    private static readonly Lock Gate = new();
    private static int installed;
    private static nint handle;

    /// <summary>Installs the loader; runs by itself when this assembly is first used. Call it before touching TorchSharp from elsewhere.</summary>
#pragma warning disable CA2255 // The one library that owns the native dependency prepares it for every host that uses the library.
    [ModuleInitializer]
#pragma warning restore CA2255
    public static void Install()
    {
        if (!OperatingSystem.IsLinux() || Interlocked.Exchange(ref installed, 1) != 0)
        {
            return;
        }

        // libtorch's OpenMP workers spin for milliseconds after each region and would fight with our own threads on a small machine.
        _ = SetNativeVariable("OMP_WAIT_POLICY", "passive", 0);
        _ = SetNativeVariable("GOMP_SPINCOUNT", "0", 0);
        KeepFreedMemory();
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += Resolve;
    }

    /// <summary>
    /// A training step allocates and frees hundreds of megabytes in blocks of a few. By default glibc returns each to the system at once, and every step
    /// would fault all its pages in again: a tenth of its time.
    /// </summary>
    private static void KeepFreedMemory()
    {
        const int trimThreshold = -1, mapThreshold = -3;
        try
        {
            _ = SetAllocatorOption(mapThreshold, 32 << 20);
            _ = SetAllocatorOption(trimThreshold, 1 << 30);
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no such switch; it is only a matter of speed.
        }
    }

    private static nint Resolve(Assembly assembly, string name)
    {
        if (name != Library)
        {
            return 0;
        }

        lock (Gate)
        {
            if (handle == 0 && FindFolder() is { } folder && NativeLibrary.TryLoad(Path.Combine(folder, "libtorch.so"), out _))
            {
                // libtorch is loaded now, so the copy's dependencies match by name although the copy lies elsewhere.
                byte[] image = File.ReadAllBytes(Path.Combine(folder, FileName));
                handle = ElfVersionNeeds.MarkWeak(image, UnusedVersion) ? LoadFromMemory(image) : 0;
            }

            return handle;
        }
    }

    private static string? FindFolder() =>
        ((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, FileName)));

    private static nint LoadFromMemory(byte[] image)
    {
        int descriptor = CreateMemoryFile(FileName, 0);
        if (descriptor < 0)
        {
            return 0;
        }

        // The mapping keeps the pages after the descriptor is closed.
        using FileStream file = new(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 0);
        file.Write(image);
        file.Flush();
        return NativeLibrary.TryLoad($"/proc/self/fd/{descriptor}", out nint loaded) ? loaded : 0;
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CreateMemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocatorOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}
