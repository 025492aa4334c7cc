"""The picture of a training: loss, score and learning rate per epoch."""

import numpy as np

from tfrecvis.tools.pictures.figures import library, new_figure, save_figure

WIDE_RANGE = 50  # from here on, a quotient of largest and smallest needs a log scale


def write_curves(columns, titles, path):
    """Writes the curves of a training; the best epoch is marked in all of them.

    Args:
        columns: Dict of a metric's name to a list with its value per epoch, as in
            `metrics.csv` of a run: "epoch", "loss", "val_loss", the scores,
            "learning_rate". Those that are missing are left out.
        titles: Dict of scores' names to their titles. The first one is drawn, and the
            best epoch is that of its highest value on the validation data.
        path: The PNG to write.

    Example:

    >>> import os, tempfile
    >>> columns = {"epoch": [1, 2], "loss": [2, 1], "val_mean_iou": [0.5, 0.6]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_curves(columns, {"mean_iou": "mean IoU"}, folder + "/curves.png")
    ...     os.listdir(folder)
    ['curves.png']
    """
    score, title = next(iter(titles.items()))
    panels = {"loss": "loss", score: title, "learning_rate": "learning rate"}
    curves = {name: _curves_of(name, columns) for name in panels}
    curves = {name: found for name, found in curves.items() if found}
    heights = [1 if name == "learning_rate" else 2.2 for name in curves]
    figure = new_figure(7, 1.2 * sum(heights) + 0.8)
    axes = figure.subplots(
        len(curves), sharex=True, squeeze=False, height_ratios=heights
    )[:, 0]
    epochs = columns["epoch"]
    best = best_epoch(columns, score)
    for axis, (name, found) in zip(axes, curves.items(), strict=True):
        for number, (label, values) in enumerate(found.items()):
            axis.plot(
                epochs,
                values,
                label=label,
                # The validation's curve has the same colour in every panel.
                color=f"C{int(label == 'validation')}" if label else "0.3",
                marker="o" if len(epochs) < 30 else None,
                markersize=3,
                zorder=3 + number,
            )
        if best is not None:
            axis.axvline(best, color="0.6", linestyle="--", zorder=1)
        axis.set_ylabel(panels[name])
        _set_scale(axis, found.values())
        axis.grid(alpha=0.3)
        if "" not in found:
            axis.legend()
    axes[-1].set_xlabel("epoch")
    ticks = library("matplotlib.ticker").MaxNLocator(integer=True, steps=[1, 2, 5, 10])
    axes[-1].xaxis.set_major_locator(ticks)
    if len(epochs) == 1:
        axes[-1].set_xlim(epochs[0] - 1, epochs[0] + 1)
    if best is not None:
        value = columns[f"val_{score}"][epochs.index(best)]
        figure.suptitle(f"best epoch {best:.0f}: {title} {value:.4g}", fontsize=11)
    save_figure(figure, path)


def best_epoch(columns, score):
    """Returns the first epoch with the highest validation score, or None without one.

    Example:

    >>> best_epoch({"epoch": [1, 2, 3], "val_iou": [0.1, 0.4, 0.4]}, "iou")
    2
    """
    values = np.asarray(columns.get(f"val_{score}", ()), "float64")
    if not np.isfinite(values).any():
        return None
    return columns["epoch"][int(np.nanargmax(values))]


def _curves_of(name, columns):
    """The curves of a panel by their labels."""
    if name == "learning_rate":
        named = {"": name}
    else:
        named = {"training": name, "validation": f"val_{name}"}
    return {label: columns[key] for label, key in named.items() if key in columns}


def _set_scale(axis, curves):
    values = np.concatenate([np.asarray(curve, "float64") for curve in curves])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > WIDE_RANGE * values.min():
        axis.set_yscale("log")
