"""The errors that the command answers with one line instead of a traceback."""

import difflib


class UserError(Exception):
    """What was asked cannot be done as asked; the message says how to fix it.

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


def nearest(name, known):
    """Returns a sentence that names the nearest of the known names.

    Example:

    >>> nearest("epoch", ["epochs", "seed"])
    'Did you mean `epochs`?'
    >>> nearest("zzz", ["epochs", "seed"])
    'Known: epochs, seed.'
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(known)}."
