namespace Medix.Runs;

/// <summary>
/// An error the user can mend: the message names the file or field, the value, what was expected and what to do.
/// The command line prints it as one paragraph and exits with code 2; anything else that escapes is a defect.
/// </summary>
public sealed class MedixException : Exception
{
    /// <summary>Creates the error from its whole message.</summary>
    public MedixException(string message) : base(message) { }

    /// <summary>Creates the error from its whole message and the exception that led to it.</summary>
    public MedixException(string message, Exception inner) : base(message, inner) { }
}
