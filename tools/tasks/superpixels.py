"""Superpixels: every node of a graph of segments gets a class.

[model] holds the arguments of `tfrecvis.models.SuperpixelLabeller`. Keys of [data]:

    reader        "synthetic"
    train_count   default 2000, graphs
    val_count     default 200

and the arguments of `tfrecvis.data.SyntheticSuperpixels`. Loss and scores count the
real nodes; `land_accuracy` those of them that are not background.
"""

import inspect

import keras
from keras import ops

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import apply_table, check_arguments
from tfrecvis.tools.tasks.arrays import (
    ArrayTask,
    check_split,
    checked_count,
    refuse_augmentation,
    slices,
)


class Superpixels(ArrayTask):
    """See `tfrecvis.tools.tasks`."""

    scores = {"accuracy": "accuracy", "land_accuracy": "on land"}
    samples = "graphs"

    def open(self, data):
        from tfrecvis.data import SyntheticSuperpixels

        refuse_augmentation(self.recipe)
        kind = data.pop("reader", None)
        if kind != "synthetic":
            raise UserError(f'data.reader must be "synthetic". Received: {kind!r}.')
        self.train_count = checked_count(data, "train_count", 2000)
        self.val_count = checked_count(data, "val_count", 200)
        known = inspect.signature(SyntheticSuperpixels).parameters
        known = [name for name in known if name not in ("split", "count")]
        check_arguments("data", data, [*known, "reader", "train_count", "val_count"])
        self._arguments = data
        self.graphs = self._read("train")

    def _read(self, split):
        from tfrecvis.data import SyntheticSuperpixels

        count = self.train_count if split == "train" else self.val_count
        try:
            return SyntheticSuperpixels(split, count, **self._arguments)
        except (ValueError, TypeError) as error:
            raise UserError(f"[data] is wrong: {error}") from error

    def epoch(self, rng):
        return self._batches(self.graphs, rng)

    def split(self, name):
        check_split(name, ("train", "val", "test"))
        return self._batches(self._read(name))

    def _batches(self, graphs, rng=None):
        for index in slices(len(graphs), self.batch_size, rng):
            inputs = {name: array[index] for name, array in graphs.inputs.items()}
            real = inputs["mask"].astype("float32")
            yield inputs, graphs.labels[index], real

    def model(self):
        from tfrecvis.models import SuperpixelLabeller

        counts = self.graphs.num_classes, self.graphs.num_features
        return apply_table(self.recipe, "model", SuperpixelLabeller, *counts)

    def objective(self):
        return {
            "loss": keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
            "weighted_metrics": [
                keras.metrics.SparseCategoricalAccuracy("accuracy"),
                LandAccuracy(name="land_accuracy"),
            ],
        }


class LandAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The share of nodes of another class than 0 that are named rightly."""

    def update_state(self, y_true, y_pred, sample_weight):
        land = ops.cast(ops.not_equal(y_true, 0), "float32")
        super().update_state(y_true, y_pred, sample_weight * land)
