namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// One panel's product with some rows of activations: <c>C[Rows, 16] (+)= A · panelᵀ</c> over <see cref="Units"/> units. A row kernel reads the packed panel itself
/// and takes one row; a tile kernel reads an unpacked panel (<see cref="Unpacking"/>) and takes several.
/// </summary>
internal unsafe struct QuantisedTile
{
    public byte* Panel;

    /// <summary>Encoded activations (<see cref="Activations"/>), <see cref="AStride"/> bytes from row to row.</summary>
    public byte* A;
    public nint AStride;
    public float* C;
    public nint CStride;
    public int Units;
    public int Rows;
    public bool Accumulate;

    /// <summary>Packed bytes that will be read next; a tile kernel asks for them while it computes.</summary>
    public byte* Ahead;
}
