namespace Medix.Inference.Kernels;

/// <summary>What the machine offers to the kernels.</summary>
public static class Machine
{
    /// <summary>
    /// Cores that this process may use, counting the hardware threads of one core once: two threads that share a core's multipliers do not multiply faster.
    /// </summary>
    public static int PhysicalCores { get; } = CountPhysicalCores();

    private static int CountPhysicalCores()
    {
        HashSet<string> cores = [];
        for (int i = 0; i < Environment.ProcessorCount; i++)
        {
            string siblings = $"/sys/devices/system/cpu/cpu{i}/topology/thread_siblings_list";
            if (!File.Exists(siblings))
            {
                return Environment.ProcessorCount;
            }

            cores.Add(File.ReadAllText(siblings));
        }

        return Math.Clamp(cores.Count, 1, Environment.ProcessorCount);
    }
}
