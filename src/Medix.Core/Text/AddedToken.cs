namespace Medix.Text;

/// <summary>
/// A token matched as literal text before byte-pair encoding, such as <c>&lt;|im_end|&gt;</c>.
/// <paramref name="Special"/> tokens are left out by <c>Decode(…, skipSpecial: true)</c>. <paramref name="SingleWord"/> matches only between non-word
/// characters; <paramref name="LeftStrip"/> and <paramref name="RightStrip"/> take the white space beside the match with it;
/// <paramref name="Normalized"/> tokens are looked for after Unicode normalisation, the others before it.
/// </summary>
public sealed record AddedToken(
    string Content, bool Special = true, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false, bool Normalized = false);
