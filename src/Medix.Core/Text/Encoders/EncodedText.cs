namespace Medix.Text.Encoders;

/// <summary>
/// One input of an encoder. <paramref name="Ids"/> and <paramref name="TypeIds"/> (0 for the first text, 1 for the second) are equally long;
/// <paramref name="Cut"/> counts the tokens that did not fit and were left out.
/// </summary>
public sealed record EncodedText(int[] Ids, int[] TypeIds, int Cut);
