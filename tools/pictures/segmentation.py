"""Pictures: label maps in colour, overlays with a legend, comparisons, matrices.

Images are uint8 RGB `(height, width, 3)`; label maps are integers `(height, width)`
with 255 = void, which is drawn black.
"""

import os
from pathlib import Path

import numpy as np

from tfrecvis.data import VOID


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
    mixed = (1 - opacity) * image + opacity * colour_labels(labels, colours)
    mixed = np.where(np.asarray(labels)[..., None] == VOID, image, mixed)
    return np.rint(mixed).astype("uint8")


def save_picture(picture, path):
    """Writes a PIL image; the file appears whole or not at all."""
    temporary = Path(f"{path}.partial")
    picture.save(temporary, format="PNG")
    os.replace(temporary, path)


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
    from PIL import Image

    picture = Image.fromarray(np.asarray(labels).astype("uint8"))
    picture.putpalette(_colour_table(colours).ravel().tolist())
    save_picture(picture, path)


def write_overlay(image, labels, class_names, colours, path):
    """Writes the overlay with a legend of the classes that occur in it below."""
    from PIL import Image

    picture = overlay(image, labels, colours)
    shown = [int(k) for k in np.unique(labels) if k < len(class_names)]
    # Small images are enlarged, so that the legend can be read beside them.
    scale = max(1, -(-320 // picture.shape[1]))
    picture = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    legend = _legend(class_names, colours, shown, picture.shape[1])
    save_picture(Image.fromarray(np.concatenate([picture, legend])), path)


def _legend(class_names, colours, shown, width):
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(14)
    places, x, y = [], 6, 5
    for index in shown:
        length = 20 + round(font.getlength(class_names[index])) + 12
        if x + length > width and x > 6:
            x, y = 6, y + 21
        places.append((index, x, y))
        x += length
    strip = Image.new("RGB", (width, y + 23), "white")
    draw = ImageDraw.Draw(strip)
    for index, x, y in places:
        colour = tuple(colours[index])
        draw.rectangle((x, y, x + 13, y + 13), fill=colour, outline="black")
        draw.text((x + 18, y - 1), class_names[index], fill="black", font=font)
    return np.asarray(strip)


def write_comparison(rows, columns, class_names, colours, path):
    """Writes a grid of pictures with a title a column and a legend.

    Args:
        rows: List of rows, each a list of images `(height, width, 3)` and label maps
            `(height, width)`.
        columns: List of strings, the titles.
        class_names: List of strings.
        colours: List of [red, green, blue], 0-255.
        path: The PNG to write.
    """
    from matplotlib.patches import Patch

    height, width = rows[0][0].shape[:2]
    cell = 2.6
    size = (cell * len(columns), cell * height / width * len(rows) + 0.9)
    figure = _figure(size)
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for row, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(row, pictures, strict=True):
            if picture.ndim == 2:
                picture = colour_labels(picture, colours)
            axis.imshow(picture, interpolation="nearest")
            axis.set_axis_off()
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=10)
    patches = [
        Patch(facecolor=np.divide(colour, 255), edgecolor="black", label=name)
        for name, colour in zip(class_names, colours, strict=True)
    ]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=min(6, len(patches))
    )
    _save_figure(figure, path)


def write_confusion_matrix(matrix, class_names, path):
    """Writes the confusion matrix: a row a true class, in percent of its pixels.

    Args:
        matrix: Integers `(classes, classes)`, rows are the truth.
        class_names: List of strings.
        path: The PNG to write.
    """
    matrix = np.asarray(matrix, "float64")
    totals = matrix.sum(axis=1, keepdims=True)
    percent = np.divide(
        100 * matrix, totals, out=np.full_like(matrix, np.nan), where=totals > 0
    )
    length = max(4.5, 0.55 * len(class_names) + 2)
    figure = _figure((length + 0.8, length))
    axis = figure.subplots()
    image = axis.imshow(percent, vmin=0, vmax=100, cmap="Blues")
    for row in range(len(matrix)):
        for column in range(len(matrix)):
            value = percent[row, column]
            if value >= 0.5:
                colour = "white" if value > 55 else "black"
                axis.text(
                    column,
                    row,
                    f"{value:.0f}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    names = [
        name if total else f"{name} (absent)"
        for name, total in zip(class_names, totals[:, 0], strict=True)
    ]
    axis.set_xticks(range(len(names)), class_names, rotation=60, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    figure.colorbar(image, label="percent of the true class's pixels", shrink=0.8)
    _save_figure(figure, path)


def _figure(size):
    # Without pyplot: no display is opened and no figure is kept.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save_figure(figure, path):
    temporary = Path(f"{path}.partial")
    figure.savefig(temporary, dpi=110, format="png")
    os.replace(temporary, path)
