namespace Medix.Inference.Kernels;

/// <summary>A number the compiler knows, so that one source makes a kernel for each tile size with no branch left in it.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal struct N1 : ICount
{
    public static int Value => 1;
}

internal struct N2 : ICount
{
    public static int Value => 2;
}

internal struct N3 : ICount
{
    public static int Value => 3;
}

internal struct N4 : ICount
{
    public static int Value => 4;
}

internal struct N5 : ICount
{
    public static int Value => 5;
}

internal struct N6 : ICount
{
    public static int Value => 6;
}

internal struct N7 : ICount
{
    public static int Value => 7;
}

internal struct N8 : ICount
{
    public static int Value => 8;
}
