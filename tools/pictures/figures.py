"""What all pictures share: figures, fonts, texts that fit, files that are whole."""

import importlib
import textwrap
from pathlib import Path, PurePath

from tfrecvis.optional import optional_import
from tfrecvis.tools.files import whole_file

DPI = 110


def library(name):
    """Returns a module of Matplotlib or Pillow.

    Raises:
        ImportError: it is not installed; the message says how to install it.

    Example:

    >>> library("PIL.Image").new("RGB", (2, 1)).size
    (2, 1)
    """
    # The library first, by its literal name: that is what a test can follow.
    if name.startswith("PIL"):
        optional_import("PIL", extra="plots", what="Pictures")
    else:
        optional_import("matplotlib", extra="plots", what="Pictures")
    return importlib.import_module(name)


def new_figure(width, height):
    """Returns a Matplotlib figure of a size in inches.

    It is made without pyplot: no display is opened, and no figure is kept in memory.
    """
    figure = library("matplotlib.figure").Figure((width, height), layout="constrained")
    library("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path):
    """Writes a figure as PNG; the file appears whole or not at all.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(new_figure(1, 1), f"{folder}/figure.png")
    ...     os.listdir(folder)
    ['figure.png']
    """
    with whole_file(path) as temporary:
        figure.savefig(
            temporary, dpi=DPI, format="png", bbox_inches="tight", pad_inches=0.15
        )


def save_picture(picture, path):
    """Writes a PIL image as PNG; the file appears whole or not at all.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_picture(library("PIL.Image").new("L", (2, 1)), f"{folder}/grey.png")
    ...     os.listdir(folder)
    ['grey.png']
    """
    with whole_file(path) as temporary:
        picture.save(temporary, format="PNG")


def load_font(size):
    """Returns a PIL font of a size in pixels that has Latin, Greek and Cyrillic.

    Pillow's own has no letters with accents, so it is Matplotlib's.
    """
    fonts = Path(library("matplotlib").get_data_path(), "fonts", "ttf")
    return library("PIL.ImageFont").truetype(fonts / "DejaVuSans.ttf", size)


def shorten(text, length):
    """Returns a text without its middle where it is longer than `length` characters.

    Example:

    >>> shorten("traffic sign (back side)", 13), shorten("road", 13)
    ('traffi… side)', 'road')
    """
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"


def fit_lines(text, length):
    """Returns a text with lines of at most `length` characters.

    In lines that are too long, paths keep as many of their last parts as a third of a
    line holds; what is still too long is broken between words.

    Example:

    >>> print(fit_lines("runs/2031/may/camvid/best on data/camvid, split val", 48))
    …/camvid/best on data/camvid, split val
    """
    lines = []
    for line in text.splitlines():
        if len(line) > length:
            line = " ".join(_short_path(word, length // 3) for word in line.split(" "))
        lines += textwrap.wrap(line, length, break_on_hyphens=False)
    return "\n".join(lines)


def _short_path(word, length):
    parts = PurePath(word).parts
    if len(word) <= length or len(parts) < 2:
        return word
    kept = 1
    while kept < len(parts) and len("/".join(parts[-kept - 1 :])) + 2 <= length:
        kept += 1
    return shorten("/".join(("…", *parts[-kept:])), length)
