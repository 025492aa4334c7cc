"""The directory of a training, file by file."""

import csv
import json
import os
from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError


class Run:
    """The files of one training.

        recipe.toml    the recipe with every key spelt out
        checkpoint.npz the state after the last whole epoch
        model.keras    the best model so far, by its score on the validation split
        model.json     the recipe; of a segmentation class names, colours, image size
        metrics.csv    a line an epoch
        score.json     the best scores; written when the run is finished
        logs/          for TensorBoard

    Args:
        directory: Path.
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        self.recipe = self.directory / "recipe.toml"
        self.checkpoint = self.directory / "checkpoint.npz"
        self.model = self.directory / "model.keras"
        self.sidecar = self.directory / "model.json"
        self.metrics = self.directory / "metrics.csv"
        self.score = self.directory / "score.json"
        self.logs = self.directory / "logs"

    def write_model(self, model):
        """Replaces the model's file, which is whole at any time."""
        temporary = self.directory / "partial.keras"
        model.save(temporary)
        os.replace(temporary, self.model)

    def log(self, epoch, values):
        """Adds a line to metrics.csv and a point to each of TensorBoard's curves."""
        import tensorflow as tf

        values = {name: float(np.asarray(value)) for name, value in values.items()}
        new = not self.metrics.exists()
        with open(self.metrics, "a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if new:
                writer.writerow(["epoch", *values])
            writer.writerow([epoch, *(f"{value:.6g}" for value in values.values())])
        if not hasattr(self, "_writer"):
            self._writer = tf.summary.create_file_writer(str(self.logs))
        # What `tf.summary.scalar` writes, which needs TensorBoard to be installed.
        scalar = tf.compat.v1.SummaryMetadata(
            plugin_data={"plugin_name": "scalars"}, data_class="DATA_CLASS_SCALAR"
        )
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.write(name, np.float32(value), epoch, metadata=scalar)
        self._writer.flush()

    def forget_after(self, epoch):
        """Drops the lines of metrics.csv that were written after a checkpoint."""
        if not self.metrics.exists():
            return
        lines = self.metrics.read_text(encoding="utf-8").splitlines()
        if not lines:
            self.metrics.unlink()
            return
        kept = [
            line
            for line in lines[1:]
            if line.count(",") == lines[0].count(",")
            and int(line.partition(",")[0]) <= epoch
        ]
        write_text(self.metrics, "\n".join([*lines[:1], *kept]) + "\n")


def write_text(path, text):
    """Writes a text file that appears whole or not at all."""
    temporary = Path(f"{path}.partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_json(path, content):
    """Writes a JSON file that appears whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def check_directory(path):
    """Returns a path where a directory is or can be made.

    Raises:
        UserError: the path is a file, or leads through one.

    Example:

    >>> check_directory("there/is/none").name
    'none'
    """
    directory = Path(path)
    for place in (directory, *directory.parents):
        if place.exists() and not place.is_dir():
            raise UserError(f"--output must be a directory. {place} is a file.")
    return directory


def read_json(path):
    """Returns what a JSON file holds.

    Raises:
        UserError: the file is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from error
