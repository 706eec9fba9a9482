namespace Medix.Text;

/// <summary>
/// A stretch of a rendered conversation. <paramref name="IsControl"/> marks what the template itself writes, where control tokens count;
/// everything else came from a dataset or a user and is encoded as plain text.
/// </summary>
public sealed record ChatSegment(string Text, bool IsControl);
