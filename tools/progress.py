"""How far a command is: a bar on a terminal, nothing or plain lines in a file."""

import contextlib
import sys


def progress(items, title, total=None):
    """Yields items and draws, on a terminal, how many are done and the time left.

    Args:
        items: Iterable.
        title: String.
        total: Integer, how many items there are, or None.

    Example:

    >>> list(progress(["a.jpg", "b.jpg"], "predicting", 2))
    ['a.jpg', 'b.jpg']
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, title, total, console=console, transient=True)


@contextlib.contextmanager
def status(title):
    """Gives a function that tells what is done next.

    Args:
        title: String.

    Example:

    >>> with status("exporting") as say:
    ...     say("writing the SavedModel")
    exporting: writing the SavedModel
    """
    if not sys.stdout.isatty():
        yield lambda what: print(f"{title}: {what}", flush=True)
        return
    from rich.console import Console

    with Console().status(title) as spinner:
        yield lambda what: spinner.update(f"{title}: {what}")


def duration(seconds):
    """Writes seconds as people do.

    Example:

    >>> duration(42), duration(605), duration(7384)
    ('42 s', '10 min 05 s', '2 h 03 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
