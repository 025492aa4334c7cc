"""The errors that the command answers with one line instead of a traceback."""


class UserError(Exception):
    """What was asked cannot be done as asked; the message says how to mend it.

    The command prints it as one line and exits with `exit_code`.

    Args:
        message: String, one or more sentences.
        exit_code: Integer: 2 for a request that cannot be met, 1 for work that was
            begun and failed.

    Example:

    >>> UserError("There is no recipe of this name.").exit_code
    2
    """

    def __init__(self, message, exit_code=2):
        super().__init__(message)
        self.exit_code = exit_code
