"""The picture of a confusion matrix."""

import math

import numpy as np

from tfrecvis.tools.pictures.figures import fit_lines, new_figure, save_figure, shorten

LONGEST_NAME = 30  # characters


def write_confusion_matrix(matrix, class_names, path, heading, iou=None):
    """Writes the confusion matrix: one row per true class, in percent of its entries.

    Cells below half a percent stay empty. Classes that do not occur are "(absent)".

    Args:
        matrix: Integers `(classes, classes)`, rows are the truth.
        class_names: List of strings.
        path: The PNG to write.
        heading: String of one or more lines: the model, the data, the split, the score.
            Long paths in it are shortened.
        iou: List with a float or None per class, shown as a column of its own; or None.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path, names = folder + "/matrix.png", ["road", "sky"]
    ...     write_confusion_matrix([[3, 1], [0, 4]], names, path, "test", [0.75, 0.8])
    ...     os.listdir(folder)
    ['matrix.png']
    """
    percent = _percent(matrix)
    count = len(class_names)
    cell = 0.55 if count <= 20 else 0.36
    names = [shorten(name, LONGEST_NAME) for name in class_names]
    # Inches: 0.09 per letter of the names, 1.8 for the bar and the texts beside it.
    length = 0.09 * max(map(len, names))
    side = max(3, cell * count)
    width = side + length + 1.8
    figure = new_figure(width, side + 0.8 * length + 0.9 + 0.2 * heading.count("\n"))
    axis = figure.subplots()
    image = axis.imshow(percent, vmin=0, vmax=100, cmap="Blues")
    for row, column in np.argwhere(percent >= 0.5):
        value = percent[row, column]
        axis.text(
            column,
            row,
            f"{value:.0f}",
            ha="center",
            va="center",
            color="white" if value > 55 else "black",
            fontsize=8,
        )
    rows = [
        name if np.isfinite(values).all() else f"{name} (absent)"
        for name, values in zip(names, percent, strict=True)
    ]
    axis.set_xticks(
        range(count), names, rotation=60, ha="right", rotation_mode="anchor"
    )
    axis.set_yticks(range(count), rows)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    if iou is not None:
        scores = axis.secondary_yaxis("right")
        scores.set_yticks(range(count), [_score(value) for value in iou])
        scores.tick_params(length=0)
        axis.text(1.01, 1.01, "IoU", transform=axis.transAxes, va="bottom")
    bar = figure.colorbar(image, shrink=0.8, aspect=30)
    bar.set_label("percent of the true class")
    title = fit_lines(heading, math.floor(11 * width))
    axis.set_title(title, fontsize=10, pad=8 if iou is None else 20)
    save_figure(figure, path)


def _percent(matrix):
    matrix = np.asarray(matrix, "float64")
    totals = matrix.sum(axis=1, keepdims=True)
    empty = np.full_like(matrix, np.nan)
    return np.divide(100 * matrix, totals, out=empty, where=totals > 0)


def _score(value):
    return "–" if value is None else f"{value:.2f}"
