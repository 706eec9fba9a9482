using System.Reflection;
using System.Reflection.Emit;
using Medix.Training.Native;
using TorchSharp;

namespace Medix.Training.Tests.Native;

/// <summary>
/// TorchSharp passes a scalar's native handle to libtorch without keeping the managed object alive, so that a temporary (from <c>a + b</c>, whose second
/// factor 1 is one, or from <c>x * 0.5</c>) may be finalised and freed while libtorch reads it. This reads the compiled code: nothing in the training
/// library may reach, directly or inside TorchSharp, a place that makes such a temporary, except the cache of lasting ones.
/// </summary>
public class ScalarLifetimeTests
{
    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private readonly Dictionary<MethodBase, string?> verdicts = [];

    [Fact]
    public void No_temporary_scalar_is_handed_to_libtorch()
    {
        List<string> faults = [];
        foreach (MethodBase method in Methods(typeof(TorchNative).Assembly).Where(method => !IsCache(method.DeclaringType)))
        {
            foreach (MethodBase called in Calls(method).Where(called => called.DeclaringType?.Assembly == typeof(torch).Assembly))
            {
                if (PathToScalar(called) is { } path)
                {
                    faults.Add($"{method.DeclaringType?.Name}.{method.Name}: {path}");
                }
            }
        }

        Assert.True(faults.Count == 0, string.Join(Environment.NewLine, faults.Distinct().Order()));
    }

    [Fact]
    public void The_check_sees_a_temporary()
    {
        MethodBase sum = typeof(ScalarLifetimeTests).GetMethod(nameof(Sum), BindingFlags.NonPublic | BindingFlags.Static)!;
        Assert.Contains(Calls(sum), called => PathToScalar(called) is not null);
    }

    private static torch.Tensor Sum(torch.Tensor a, torch.Tensor b) => a + b;

    private static bool IsCache(Type? type) => type == typeof(LastingScalars) || type?.DeclaringType == typeof(LastingScalars);

    /// <summary>The chain of calls from a TorchSharp method to the making of a scalar, or null.</summary>
    private string? PathToScalar(MethodBase method)
    {
        if (MakesScalar(method))
        {
            return $"{method.DeclaringType?.Name}.{method.Name}";
        }

        if (verdicts.TryGetValue(method, out string? known))
        {
            return known;
        }

        verdicts[method] = null;
        foreach (MethodBase called in Calls(method).Where(called => called.DeclaringType?.Assembly == typeof(torch).Assembly))
        {
            if (PathToScalar(called) is { } path)
            {
                return verdicts[method] = $"{method.DeclaringType?.Name}.{method.Name} > {path}";
            }
        }

        return null;
    }

    private static bool MakesScalar(MethodBase method) =>
        (method.DeclaringType == typeof(Scalar) && (method.IsConstructor || method.Name is "op_Implicit"))
        || (method.DeclaringType?.Name == "ScalarExtensionMethods" && method.Name.StartsWith("To", StringComparison.Ordinal));

    private static IEnumerable<MethodBase> Methods(Assembly assembly)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        return assembly.GetTypes().SelectMany(type => type.GetMethods(all).Cast<MethodBase>().Concat(type.GetConstructors(all)));
    }

    private static List<MethodBase> Calls(MethodBase method)
    {
        byte[] il = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        List<MethodBase> calls = [];
        for (int at = 0; at < il.Length;)
        {
            short value = il[at] == 0xfe ? (short)((0xfe << 8) | il[at + 1]) : il[at];
            OpCode code = Codes[value];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod && Resolve(method, BitConverter.ToInt32(il, at)) is { } called)
            {
                calls.Add(called);
            }

            at += OperandSize(code.OperandType, il, at);
        }

        return calls;
    }

    private static MethodBase? Resolve(MethodBase caller, int token)
    {
        Type[]? ofType = caller.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        Type[]? ofMethod = caller.IsGenericMethod ? caller.GetGenericArguments() : null;
        return caller.Module.ResolveMethod(token, ofType, ofMethod);
    }

    private static int OperandSize(OperandType type, byte[] il, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
        _ => 4,
    };
}
