using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>Finds rules that can call themselves before reading anything: following those would never end.</summary>
internal static class LeftRecursion
{
    public static void Refuse(List<GrammarNode> nodes, List<GrammarRule> rules, string source)
    {
        bool[] canBeEmpty = new bool[rules.Count];
        List<HashSet<int>> calls = [.. rules.Select(_ => new HashSet<int>())];
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int rule = 0; rule < rules.Count; rule++)
            {
                bool empty = Explore(rules[rule].Start, nodes, canBeEmpty, calls[rule]);
                changed |= empty != canBeEmpty[rule];
                canBeEmpty[rule] = empty;
            }
        }

        // Rules that call nothing unfinished are finished; what remains goes in circles.
        HashSet<int> open = [.. Enumerable.Range(0, rules.Count)];
        while (open.RemoveWhere(rule => !calls[rule].Overlaps(open)) > 0)
        {
            continue;
        }

        if (open.Count > 0)
        {
            throw new MedixException($"{source} refers to itself without reading anything in between ({open.Count} rules go in circles): break the circle of references.");
        }
    }

    /// <summary>Collects the rules called before anything is read; whether the end is reached without reading.</summary>
    private static bool Explore(int start, List<GrammarNode> nodes, bool[] canBeEmpty, HashSet<int> calls)
    {
        bool empty = false;
        HashSet<int> seen = [start];
        Stack<int> left = new([start]);
        while (left.TryPop(out int index))
        {
            GrammarNode node = nodes[index];
            if (node.Kind == NodeKind.Call)
            {
                calls.Add(node.Rule);
            }

            empty |= node.Kind == NodeKind.Return;
            IEnumerable<int> targets = node.Kind switch
            {
                NodeKind.Split => node.Targets,
                NodeKind.Call when canBeEmpty[node.Rule] => [node.Next],
                _ => [],
            };
            foreach (int target in targets.Where(seen.Add))
            {
                left.Push(target);
            }
        }

        return empty;
    }
}
