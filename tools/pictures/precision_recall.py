"""The picture of what is right of what was found, against what was found of all."""

import numpy as np

from tfrecvis.tools.pictures.figures import new_figure, save_figure


def write_precision_recall(curves, averages, heading, path):
    """Draws a curve of precision against recall for each class, at an IoU of 0.5.

    Args:
        curves: Dict of a class's name to its precision at evenly spaced recalls from 0
            to 1, or None, which is left out.
        averages: Dict of a class's name to its average precision.
        heading: String: model, data and split.
        path: The PNG to write.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_precision_recall(
    ...         {"cell": [1, 0.8]}, {"cell": 0.9}, "a", folder + "/a.png"
    ...     )
    ...     os.listdir(folder)
    ['a.png']
    """
    figure = new_figure(6, 5)
    axis = figure.subplots()
    for name, precisions in curves.items():
        if precisions is not None:
            recalls = np.linspace(0, 1, len(precisions))
            axis.plot(recalls, precisions, label=f"{name}: {averages[name]:.3f}")
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axis.set_title(heading, fontsize=9, wrap=True)
    axis.grid(alpha=0.3)
    axis.legend(title="AP50", loc="lower left")
    save_figure(figure, path)
