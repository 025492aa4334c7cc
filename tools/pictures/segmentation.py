"""Pictures of segmentation: label maps in colour, overlays and comparisons.

Images are uint8 RGB `(height, width, 3)`; label maps are integers `(height, width)`
with 255 = void, which is drawn black.
"""

import math

import numpy as np

from tfrecvis.data import VOID
from tfrecvis.tools.pictures.figures import (
    library,
    load_font,
    save_picture,
    shorten,
)

SCREEN = 1000  # pixels; a picture that is larger is looked at in this size
TEXT = 14  # pixels, the size of the font there
SMALLEST = 320  # pixels, the width to which small images are enlarged
LONGEST = 4000  # pixels, the height up to which they are
COMPARISON = 1600  # pixels, the width of a comparison of four or more columns
LONGEST_NAME = 48  # characters


def colour_labels(labels, colours):
    """Returns the label map as a uint8 RGB picture; void is black.

    Example:

    >>> colour_labels(np.array([[1, 255]]), [[1, 2, 3], [4, 5, 6]]).tolist()
    [[[4, 5, 6], [0, 0, 0]]]
    """
    return _colour_table(colours)[np.asarray(labels).astype("uint8")]


def _colour_table(colours):
    table = np.zeros((256, 3), "uint8")
    table[: len(colours)] = colours
    return table


def overlay(image, labels, colours, opacity=0.5):
    """Returns the image with its label map laid over it; void is left as it is.

    Example:

    >>> image = np.full((1, 2, 3), 100, "uint8")
    >>> overlay(image, np.array([[0, 255]]), [[200, 0, 0]]).tolist()
    [[[150, 50, 50], [100, 100, 100]]]
    """
    mixed = np.float32(1 - opacity) * np.asarray(image)
    mixed += np.float32(opacity) * colour_labels(labels, colours)
    mixed = np.where(np.asarray(labels)[..., None] == VOID, image, mixed)
    return np.rint(mixed).astype("uint8")


def write_label_map(labels, colours, path):
    """Writes a palette PNG whose indices are the classes.

    Example:

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     colours = [[0, 0, 255], [0, 255, 0]]
    ...     write_label_map(np.array([[0, 1]]), colours, folder + "/labels.png")
    ...     np.asarray(Image.open(folder + "/labels.png")).tolist()
    [[0, 1]]
    """
    picture = library("PIL.Image").fromarray(np.asarray(labels).astype("uint8"))
    picture.putpalette(_colour_table(colours).ravel().tolist())
    save_picture(picture, path)


def write_overlay(image, labels, class_names, colours, path, truth=None):
    """Writes the overlay, and below it a legend of the classes that occur in it.

    Small images are enlarged; on large ones the legend grows with them.

    Args:
        image: `(height, width, 3)`, 0-255.
        labels: `(height, width)`, the prediction.
        class_names: List of strings.
        colours: List of [red, green, blue], 0-255.
        path: The PNG to write.
        truth: Label map to draw beside the prediction (below it, where the image is
            more than twice as wide as it is high), or None.

    Example:

    >>> import tempfile
    >>> image, labels = np.zeros((200, 400, 3), "uint8"), np.zeros((200, 400), "int32")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/overlay.png"
    ...     write_overlay(image, labels, ["road"], [[0, 0, 255]], path)
    ...     library("PIL.Image").open(path).size
    (400, 228)
    """
    maps = {"": labels} if truth is None else {"prediction": labels, "truth": truth}
    height, width = np.shape(labels)
    times = max(1, min(math.ceil(SMALLEST / width), LONGEST // height))
    panels = [
        overlay(image, given, colours).repeat(times, axis=0).repeat(times, axis=1)
        for given in maps.values()
    ]
    legend = _legend(maps.values(), class_names, colours)
    if width > 2 * height:
        _write_grid(
            [[panel] for panel in panels], [[title] for title in maps], legend, path
        )
    else:
        _write_grid([panels], [list(maps)], legend, path)


def write_comparison(rows, columns, class_names, colours, path):
    """Writes a grid of pictures with a title per column, and a legend below it.

    Pictures are scaled to the width of a column, so they may differ in size. The
    legend holds the classes that occur.

    Args:
        rows: List of rows, each a list of images `(height, width, 3)` and label maps
            `(height, width)`.
        columns: List of strings, the titles.
        class_names: List of strings.
        colours: List of [red, green, blue], 0-255.
        path: The PNG to write.

    Example:

    >>> import tempfile
    >>> image, labels = np.zeros((30, 40, 3), "uint8"), np.zeros((30, 40), "int32")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path, columns = folder + "/comparison.png", ["image", "truth"]
    ...     write_comparison([[image, labels]], columns, ["road"], [[0, 0, 255]], path)
    ...     library("PIL.Image").open(path).size
    (974, 410)
    """
    cell = min(480, max(240, COMPARISON // len(columns)))
    rows = [[np.asarray(entry) for entry in row] for row in rows]
    maps = [entry for row in rows for entry in row if entry.ndim == 2]
    legend = _legend(maps, class_names, colours)
    if any((labels == VOID).any() for labels in maps):
        legend.append(("void", (0, 0, 0)))
    panels = [[_fitted(entry, colours, cell) for entry in row] for row in rows]
    titles = [columns, *([""] * len(columns) for _ in rows[1:])]
    _write_grid(panels, titles, legend, path, cell)


def _legend(maps, class_names, colours):
    """The names and colours of the classes that occur in label maps."""
    found = set().union(*(np.unique(labels).tolist() for labels in maps))
    return [
        (shorten(name, LONGEST_NAME), tuple(map(int, colour)))
        for index, (name, colour) in enumerate(zip(class_names, colours, strict=True))
        if index in found
    ]


def _fitted(picture, colours, cell):
    """A picture in RGB, as large as a column that is `cell` pixels wide allows.

    Small ones are enlarged by whole numbers, so that all pixels are equally large.
    """
    labels = picture.ndim == 2
    if labels:
        picture = colour_labels(picture, colours)
    height, width = picture.shape[:2]
    scale = min(cell / width, 1.5 * cell / height)
    small = scale >= 4
    scale = math.floor(scale) if small else scale
    size = max(1, round(scale * width)), max(1, round(scale * height))
    image = library("PIL.Image")
    # Averages of classes' colours would be the colours of other classes.
    exact = labels or small
    how = image.Resampling.NEAREST if exact else image.Resampling.LANCZOS
    return np.asarray(image.fromarray(picture).resize(size, how))


def _write_grid(rows, titles, legend, path, cell=0):
    """Writes RGB pictures, each with its title above it, and a legend below them."""
    cell = max(cell, *(picture.shape[1] for row in rows for picture in row))
    longest = max(picture.shape[0] for row in rows for picture in row)
    count = len(rows[0])
    font = _legend_font(legend, count * cell, longest)
    gap, line = font.size, round(1.6 * font.size)
    width = max(count * cell + (count - 1) * gap, _longest_entry(legend, font))
    places, below = _legend_places(legend, font, width)
    heights = [
        line * any(texts) + max(picture.shape[0] for picture in row)
        for row, texts in zip(rows, titles, strict=True)
    ]
    size = width, sum(heights) + gap * (len(rows) - 1) + below
    canvas = library("PIL.Image").new("RGB", size, "white")
    draw = library("PIL.ImageDraw").Draw(canvas)
    top = 0
    for row, texts, height in zip(rows, titles, heights, strict=True):
        for column, (picture, text) in enumerate(zip(row, texts, strict=True)):
            left = column * (cell + gap)
            middle = left + cell // 2, top + line // 2
            text = _cut(text, font, cell)
            draw.text(middle, text, fill="black", font=font, anchor="mm")
            corner = left + (cell - picture.shape[1]) // 2, top + line * any(texts)
            canvas.paste(library("PIL.Image").fromarray(picture), corner)
        top += height + gap
    for (name, colour), (x, y) in zip(legend, places, strict=True):
        y += size[1] - below
        box = x, y, x + font.size - 1, y + font.size - 1
        draw.rectangle(box, fill=colour, outline="black", width=max(1, font.size // 14))
        place = x + 1.35 * font.size, y + font.size / 2
        draw.text(place, name, fill="black", font=font, anchor="lm")
    save_picture(canvas, path)


def _legend_font(legend, width, height):
    """A font that can be read where the whole picture is on a screen."""
    font = load_font(round(TEXT * max(1, max(width, height) / SCREEN)))
    share = width / max(1, _longest_entry(legend, font))
    return font if share >= 1 else load_font(max(TEXT, math.floor(share * font.size)))


def _entry_width(name, font):
    return round(font.getlength(name) + 2.2 * font.size)


def _longest_entry(legend, font):
    return max((_entry_width(name, font) for name, _ in legend), default=0)


def _legend_places(legend, font, width):
    """Corners of the entries, line by line, and the height of all lines."""
    margin, line = round(0.5 * font.size), round(1.5 * font.size)
    places, x, y = [], margin, margin
    for name, _ in legend:
        length = _entry_width(name, font)
        if x + length > width + margin and x > margin:
            x, y = margin, y + line
        places.append((x, y))
        x += length
    return places, y + line if legend else 0


def _cut(text, font, width):
    length = len(text)
    while length > 1 and font.getlength(shorten(text, length)) > width:
        length -= 1
    return shorten(text, length)
