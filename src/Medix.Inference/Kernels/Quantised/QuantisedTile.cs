namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// One panel's product with some rows of activations: <c>C[Rows, 16] (+)= A · panelᵀ</c> over <see cref="Units"/> units. A row kernel reads the packed panel itself
/// and takes one row, and perhaps two neighbouring panels; a tile kernel takes several rows, and reads the panel unpacked (<see cref="Unpacking"/>) or as it is.
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

    /// <summary>Panels of a row kernel: 1, or 2 where <see cref="FormatKernels.RowPanels"/> says so.</summary>
    public int Panels;
    public bool Accumulate;

    /// <summary>Packed bytes that will be read next; a tile kernel asks for them while it computes.</summary>
    public byte* Ahead;
}
