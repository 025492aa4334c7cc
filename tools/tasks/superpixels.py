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
import numpy as np
from keras import ops

from tfrecvis.tools.array_task import (
    ArrayTask,
    check_split,
    checked_count,
    slices,
)
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.runs.recipe import apply_table, check_arguments

# Inputs of the model, and the keys of samples that they come from.
INPUTS = {name: name for name in ("features", "neighbours", "confidence")}
INPUTS["mask"] = "nodes"


class Superpixels(ArrayTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"accuracy": "accuracy", "land_accuracy": "on land"}
    drawn = ("synthetic",)
    model_class = "SuperpixelLabeller"
    unit = "graphs"

    def prepare(self, data):
        from tfrecvis.data import SyntheticSuperpixels

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
            arrays = {name: array[index] for name, array in graphs.inputs.items()}
            nodes = arrays.pop("mask")
            yield {**arrays, "nodes": nodes, "node_labels": graphs.labels[index]}

    def model(self):
        from tfrecvis.models import SuperpixelLabeller

        counts = self.graphs.num_classes, self.graphs.num_features
        return apply_table(self.recipe, "model", SuperpixelLabeller, *counts)

    def example(self, batch):
        weights = batch["nodes"].astype("float32")
        return self.inputs(batch), batch["node_labels"], weights

    def inputs(self, batch):
        return {name: batch[key] for name, key in INPUTS.items() if key in batch}

    def signatures(self, model):
        from tfrecvis.models import superpixels

        return superpixels.signatures(model)

    def read_input(self, file):
        batch = super().read_input(file)
        if "mask" in batch:  # as the model calls them
            batch["nodes"] = batch.pop("mask")
        elif "nodes" not in batch and "features" in batch:
            batch["nodes"] = np.ones(batch["features"].shape[:2], bool)
        return batch

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
