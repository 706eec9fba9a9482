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

internal struct N9 : ICount
{
    public static int Value => 9;
}

internal struct N10 : ICount
{
    public static int Value => 10;
}

internal struct N11 : ICount
{
    public static int Value => 11;
}

internal struct N12 : ICount
{
    public static int Value => 12;
}

internal struct N13 : ICount
{
    public static int Value => 13;
}

internal struct N14 : ICount
{
    public static int Value => 14;
}

internal struct N15 : ICount
{
    public static int Value => 15;
}

internal struct N16 : ICount
{
    public static int Value => 16;
}
