using System.Runtime.CompilerServices;
using Medix.Training.Native;

namespace Medix.Training.Tests.Native;

/// <summary>Prepares libtorch before any test touches it: some do so without the library under test.</summary>
internal static class TorchSetup
{
#pragma warning disable CA2255 // A test project is no library.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Install() => TorchNative.Install();
}
