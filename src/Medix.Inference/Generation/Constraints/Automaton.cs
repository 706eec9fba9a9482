using System.Runtime.InteropServices;
using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// A grammar made deterministic as far as texts lead (the subset construction, done lazily), and the tokens that each state allows. Shared by draws on several
/// threads: what is known is read without a lock.
/// </summary>
/// <param name="grammar">The grammar.</param>
/// <param name="trie">The vocabulary; without one there are no masks.</param>
internal sealed class Automaton(Grammar grammar, TokenTrie? trie)
{
    /// <summary>States and stacks kept at most; beyond that they are forgotten and computed again.</summary>
    private const int MostStates = 50_000;

    /// <summary>Masks kept at most: 2048 of a vocabulary of 151,936 tokens take 39 MB.</summary>
    private const int MostMasks = 2048;

    /// <summary>Places visited for one mask at most: some tenths of a second.</summary>
    private const int MostWork = 1_000_000;

    private readonly Lock gate = new();
    private readonly Dictionary<Place[], AutomatonState> states = new(PlacesComparer.Instance);
    private readonly Dictionary<Place[], AutomatonState> accepting = new(PlacesComparer.Instance);
    private readonly Dictionary<StackKey, ReturnStack> stacks = [];
    private readonly HashSet<Place> found = [];
    private readonly Stack<Place> open = new();
    private readonly List<Place> moved = [];
    private readonly List<Place> reading = [];
    private readonly AutomatonState[] path = new AutomatonState[(trie?.Depth ?? 0) + 1];
    private AutomatonState? start;
    private long nextStack;
    private int masks;
    private long work;

    /// <summary>The state before the first byte.</summary>
    public AutomatonState Start
    {
        get
        {
            lock (gate)
            {
                return start ??= Close([new Place(grammar.Start, null)]);
            }
        }
    }

    /// <summary>The state after a byte.</summary>
    public AutomatonState Step(AutomatonState state, byte value)
    {
        int kind = grammar.ClassOf[value];
        if (Volatile.Read(ref state.Next[kind]) is { } known)
        {
            return known;
        }

        lock (gate)
        {
            work = 0;
            return StepInside(state, kind);
        }
    }

    /// <summary>One bit per token: those after which the text can still be completed.</summary>
    public ReadOnlySpan<ulong> Allowed(AutomatonState state)
    {
        ulong[]? mask = Volatile.Read(ref state.Mask);
        if (mask is null)
        {
            lock (gate)
            {
                mask = state.Mask ?? ComputeMask(state);
            }
        }

        return mask;
    }

    /// <summary>The bytes that can come next, for a message.</summary>
    public string Describe(AutomatonState state)
    {
        IEnumerable<string> ranges = state.Places.ToArray().Select(place => grammar.Nodes[place.Node].Range).Distinct().OrderBy(range => range.First)
            .Select(range => range.First == range.Last ? Show(range.First) : $"{Show(range.First)} to {Show(range.Last)}");
        string[] first = [.. ranges.Take(9)];
        string listed = string.Join(", ", first.Take(8)) + (first.Length > 8 ? ", …" : "");
        return (first.Length == 0, state.Accepting) switch
        {
            (true, _) => "expected is the end",
            (_, true) => $"expected is the end or {listed}",
            _ => $"expected is {listed}",
        };
    }

    private static string Show(byte value) => value is > 32 and < 127 ? $"'{(char)value}'" : $"byte 0x{value:x2}";

    private ulong[] ComputeMask(AutomatonState state)
    {
        TokenTrie tokens = trie ?? throw new InvalidOperationException("The automaton has no vocabulary.");
        if (++masks > MostMasks || states.Count + accepting.Count + stacks.Count > MostStates)
        {
            Forget();
        }

        work = 0;
        ulong[] mask = new ulong[(tokens.Tokens + 63) / 64];
        path[0] = state;
        for (int node = 0; node < tokens.Nodes;)
        {
            int depth = tokens.DepthOf(node);
            AutomatonState from = path[depth - 1];
            int kind = grammar.ClassOf[tokens.ByteOf(node)];
            AutomatonState to = from.Next[kind] ?? StepInside(from, kind);
            if (to.IsDead)
            {
                node = tokens.AfterSubtree(node);
                continue;
            }

            foreach (int token in tokens.EndingAt(node))
            {
                mask[token >> 6] |= 1UL << (token & 63);
            }

            path[depth] = to;
            node++;
        }

        Volatile.Write(ref state.Mask, mask);
        return mask;
    }

    /// <summary>Draws that still hold old states can go on with them: nothing in those refers to the tables.</summary>
    private void Forget()
    {
        states.Clear();
        accepting.Clear();
        stacks.Clear();
        (start, masks) = (null, 0);
    }

    private AutomatonState StepInside(AutomatonState state, int kind)
    {
        byte value = grammar.Examples[kind];
        moved.Clear();
        foreach (Place place in state.Places)
        {
            GrammarNode node = grammar.Nodes[place.Node];
            if (node.Range.First <= value && value <= node.Range.Last)
            {
                moved.Add(place with { Node = node.Next });
            }
        }

        AutomatonState next = Close(moved);
        Volatile.Write(ref state.Next[kind], next);
        return next;
    }

    /// <summary>Follows splits, calls and returns from these places up to reading nodes.</summary>
    private AutomatonState Close(List<Place> from)
    {
        bool complete = false;
        reading.Clear();
        found.Clear();
        foreach (Place place in from)
        {
            Visit(place);
        }

        while (open.TryPop(out Place at))
        {
            GrammarNode node = grammar.Nodes[at.Node];
            switch (node.Kind)
            {
                case NodeKind.Read:
                    reading.Add(at);
                    break;
                case NodeKind.Split:
                    foreach (int target in node.Targets)
                    {
                        Visit(at with { Node = target });
                    }

                    break;
                case NodeKind.Call:
                    Visit(new Place(grammar.Rules[node.Rule].Start, Push(at.Stack, node)));
                    break;
                default:
                    complete |= at.Stack is null;
                    if (at.Stack is { } stack)
                    {
                        Visit(new Place(stack.Node, stack.Below));
                    }

                    break;
            }
        }

        reading.Sort(PlacesComparer.Compare);
        return Intern([.. reading], complete);
    }

    private void Visit(Place place)
    {
        long nesting = (place.Stack?.Nesting ?? 0) + (long)grammar.Needs[place.Node];
        if (nesting <= GrammarBuilder.MostNesting && found.Add(place))
        {
            open.Push(place);
            if (++work > MostWork)
            {
                open.Clear();
                throw new MedixException(
                    $"The constraint is too ambiguous: more than {MostWork} ways of reading it were followed for one token. "
                    + "Avoid repetitions that can match the same text in many ways.");
            }
        }
    }

    private ReturnStack? Push(ReturnStack? below, GrammarNode call)
    {
        int nesting = grammar.Rules[call.Rule].Nesting;
        if (nesting == 0 && grammar.Nodes[call.Next].Kind == NodeKind.Return)
        {
            // A call at a rule's end returns to where the rule returns to.
            return below;
        }

        ref ReturnStack? stack = ref CollectionsMarshal.GetValueRefOrAddDefault(stacks, new StackKey(below, call.Next, nesting), out _);
        return stack ??= new ReturnStack(below, call.Next, (below?.Nesting ?? 0) + nesting, nextStack++);
    }

    private AutomatonState Intern(Place[] places, bool complete)
    {
        ref AutomatonState? state = ref CollectionsMarshal.GetValueRefOrAddDefault(complete ? accepting : states, places, out _);
        return state ??= new AutomatonState(places, complete, grammar.Examples.Length);
    }

    private readonly record struct StackKey(ReturnStack? Below, int Node, int Nesting);
}
