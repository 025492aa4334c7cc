"""The directory of a training, file by file."""

import contextlib
import csv
import os

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import check_directory, whole_file, write_text
from tfrecvis.tools.runs.recipe import differences, read_recipe


class RunDirectory:
    """The files of one training.

        recipe.toml     the recipe with every key spelt out
        checkpoint.npz  the state after the last whole epoch
        model.keras     the best model so far, by its score on the validation split
        model.json      its card: task, recipe, and what the numbers mean
        metrics.csv     a line per epoch
        curves.png      the same as a picture
        score.json      the best scores; written when the run is finished
        logs/           for TensorBoard

    `model.keras` and `model.json` together are what a preset is.

    Args:
        directory: Path.
    """

    def __init__(self, directory):
        self.directory = directory
        self.recipe = directory / "recipe.toml"
        self.checkpoint = directory / "checkpoint.npz"
        self.model = directory / "model.keras"
        self.card = directory / "model.json"
        self.metrics = directory / "metrics.csv"
        self.curves = directory / "curves.png"
        self.samples = directory / "samples.png"
        self.score = directory / "score.json"
        self.logs = directory / "logs"

    @contextlib.contextmanager
    def only_here(self):
        """Holds the directory, which exists, for one training at a time.

        The lock is the system's, and ends with the process however it ends.

        Raises:
            UserError: another process trains there.
        """
        place = os.open(self.directory, os.O_RDONLY)
        try:
            # A file system, or a system, without such locks does without.
            with contextlib.suppress(OSError, ImportError):
                import fcntl

                try:
                    fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UserError(
                        f"Another process trains in {self.directory}. Wait for its "
                        "end, or name another --output."
                    ) from None
            yield
        finally:
            os.close(place)

    def write_model(self, model):
        """Replaces the model's file, which is whole at any time."""
        with whole_file(self.model) as temporary:
            # Keras goes by the ending.
            named = temporary.with_name("partial.keras")
            try:
                model.save(named)
                named.replace(temporary)
            finally:
                named.unlink(missing_ok=True)

    def log(self, epoch, values):
        """Adds a line to metrics.csv."""
        values = {name: float(np.asarray(value)) for name, value in values.items()}
        new = not self.metrics.exists()
        with open(self.metrics, "a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if new:
                writer.writerow(["epoch", *values])
            writer.writerow([epoch, *(f"{value:.6g}" for value in values.values())])

    def curves_so_far(self):
        """Returns the columns of metrics.csv: dict of names to lists of floats."""
        with open(self.metrics, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}

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


def claim_directory(files, recipe):
    """Refuses a directory that holds something else than a run of this recipe.

    Args:
        files: A `RunDirectory`.
        recipe: Dict.

    Raises:
        UserError: the directory is a file, holds other things, or a run of another
            recipe; the keys that differ are named. A run may be trained for more
            epochs.
    """
    directory = check_directory(files.directory)
    if files.recipe.is_file():
        found = differences(read_recipe(files.recipe), recipe)
        others = [text for text in found if not text.startswith("training.epochs ")]
        if others:
            raise UserError(
                f"{directory} holds a run of another recipe; what differs: "
                f"{', '.join(others)}. Go on with the same recipe (`tfrecvis train "
                f"--resume {directory}`), or name another --output."
            )
    elif directory.is_dir() and any(directory.iterdir()):
        raise UserError(
            f"{directory} is not empty and holds no run. Name another --output."
        )
