namespace Medix.Inference.Generation.Constraints;

/// <summary>How many levels of nesting each node needs at least before its rule returns.</summary>
internal static class Nesting
{
    /// <summary>[nodes]; <see cref="GrammarBuilder.Never"/> where nothing leads to the end of the rule.</summary>
    public static int[] Needs(List<GrammarNode> nodes, List<GrammarRule> rules)
    {
        int[] needs = new int[nodes.Count];
        Array.Fill(needs, GrammarBuilder.Never);
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < needs.Length; i++)
            {
                int now = Of(nodes[i]);
                changed |= now < needs[i];
                needs[i] = Math.Min(needs[i], now);
            }
        }

        return needs;

        int Of(GrammarNode node) => node.Kind switch
        {
            NodeKind.Read => needs[node.Next],
            NodeKind.Split => node.Targets.Length == 0 ? GrammarBuilder.Never : node.Targets.Min(target => needs[target]),
            NodeKind.Call => Math.Max(Inside(rules[node.Rule]), needs[node.Next]),
            _ => 0,
        };

        int Inside(GrammarRule rule) => needs[rule.Start] == GrammarBuilder.Never ? GrammarBuilder.Never : needs[rule.Start] + rule.Nesting;
    }
}
