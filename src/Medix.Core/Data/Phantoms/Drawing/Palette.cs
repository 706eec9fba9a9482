namespace Medix.Data.Phantoms;

/// <summary>256 colours for the values of a grey canvas.</summary>
internal sealed class Palette
{
    private readonly byte[] entries = new byte[256 * 3];

    private Palette(params ReadOnlySpan<Ink> stops)
    {
        for (int i = 0; i < 256; i++)
        {
            float position = i / 255f * (stops.Length - 1);
            int stop = Math.Min((int)position, stops.Length - 2);
            Ink ink = Ink.Mix(stops[stop], stops[stop + 1], position - stop);
            entries[3 * i] = (byte)((ink.R * 255f) + 0.5f);
            entries[(3 * i) + 1] = (byte)((ink.G * 255f) + 0.5f);
            entries[(3 * i) + 2] = (byte)((ink.B * 255f) + 0.5f);
        }
    }

    /// <summary>Black to white.</summary>
    public static Palette Grey { get; } = new(0f, 1f);

    /// <summary>White to black, as positron emission tomography is read.</summary>
    public static Palette Inverted { get; } = new(1f, 0f);

    /// <summary>Black, red, yellow, white: the "hot metal" of nuclear medicine.</summary>
    public static Palette Hot { get; } = new(0f, new Ink(0.45f, 0.02f, 0.1f), new Ink(0.9f, 0.2f, 0f), new Ink(1f, 0.75f, 0.1f), 1f);

    /// <summary>Dark blue through green and yellow to red: temperatures.</summary>
    public static Palette Thermal { get; } = new(
        new Ink(0.03f, 0.02f, 0.25f), new Ink(0.1f, 0.2f, 0.9f), new Ink(0f, 0.8f, 0.85f), new Ink(0.2f, 0.85f, 0.2f),
        new Ink(0.98f, 0.9f, 0.1f), new Ink(0.95f, 0.2f, 0.05f), new Ink(1f, 0.85f, 0.9f));

    /// <summary>Three bytes: red, green, blue.</summary>
    public ReadOnlySpan<byte> Entry(byte level) => entries.AsSpan(3 * level, 3);
}
