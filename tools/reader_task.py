"""What the tasks have in common whose data are readers of sample dicts."""

import json
from functools import partial

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.readers import open_reader
from tfrecvis.tools.runs.recipe import apply_table
from tfrecvis.tools.task import Task

BATCH = 32  # images of one size that are answered together


class ReaderTask(Task):
    """A task on the readers of `tfrecvis.data`; see `Task`.

    A subclass sets `readers`, dict of the names that `data.reader` may have to the
    readers' classes in `tfrecvis.data`, and gives `example`.

    Keys of [data]:

        reader        one of `readers`
        train_split   default "train"
        val_split     default "val" ("validation" is tfds' usual word)
        train_count   samples to train on, evenly spaced; default: all
        val_count     samples to validate on; default: all

    and the arguments of the reader's class. [augmentation] holds the arguments of
    `tfrecvis.data.Augmentation`.
    """

    tables = ("augmentation",)
    readers = {}
    held_out = None  # the reader of the validation split, once there is one
    unit = "images"

    def open(self, strict=False):
        from tfrecvis.data import Augmentation, steps_per_epoch

        data = self.recipe["data"]
        splits = data.get("train_split", "train"), data.get("val_split", "val")
        self.reader, self.held_out = (
            open_reader(data, split, self.readers, strict) for split in splits
        )
        counts = self.reader.num_classes, self.held_out.num_classes
        if counts[0] != counts[1]:
            raise UserError(
                f"The training split has {counts[0]} classes, the validation split "
                f"{counts[1]}. Name them in data.class_names."
            )
        self.augmentation = None
        if "augmentation" in self.recipe:
            self.augmentation = apply_table(self.recipe, "augmentation", Augmentation)
        batch_size = self.training["batch_size"]
        # Only whole batches, where there is one: XLA compiles every shape anew.
        self.drop_remainder = len(self.reader) >= batch_size
        self.steps = steps_per_epoch(self.reader, batch_size, self.drop_remainder)
        self.steps = min(self.steps, self.training["steps"] or self.steps)
        self.description = (
            f"{len(self.reader)} {self.unit} to train on, "
            f"{len(self.held_out)} to validate on"
        )

    def batches(self, first_epoch, epochs):
        return self._batches(
            self.reader,
            self.augmentation,
            seed=self.training["seed"],
            first_epoch=first_epoch,
            epochs=epochs,
            drop_remainder=self.drop_remainder,
            steps=self.training["steps"] or None,
        )

    def validation(self):
        return self._batches(self.held_out, None, shuffle=False)

    def _batches(self, reader, augmentation, example=None, **arguments):
        from tfrecvis.data import batches

        pad = _must_pad(reader, augmentation)
        size = self.training["batch_size"]
        try:
            dataset = batches(
                reader, size, augmentation, inputs=None, pad=pad, **arguments
            )
        except ValueError as error:
            raise UserError(f"The data cannot be batched: {error}") from error
        return dataset.map(example or self.example)

    def evaluation(self, split, strict=False, data=None):
        reader = open_reader(self.data_at(data), split, self.readers, strict)
        self.check_reader(reader)
        return OneByOne(reader)

    def samples(self, count):
        """As many, evenly spaced, as batches of one; see `tfrecvis.data.subset`."""
        from tfrecvis.data import subset

        reader = self.held_out or self.evaluation(self.val_split).reader
        return list(OneByOne(subset(reader, min(count, len(reader)))))

    def data_at(self, path):
        """Returns the [data] table to evaluate with: the recipe's, or at a path."""
        data = json.loads(json.dumps(self.recipe["data"]))
        if path is not None:
            data["path"] = str(path)
        return data

    def check_reader(self, reader):
        """Refuses a reader whose classes are not the model's."""
        names = self.card.get("class_names")
        if names is None:
            return
        if reader.num_classes != len(names):
            raise UserError(
                f"The model tells {len(names)} classes apart, the data has "
                f"{reader.num_classes}. Evaluate on the kind of data it was trained on."
            )
        if list(reader.class_names) != list(names):
            raise UserError(
                f"The model's classes are {', '.join(names)}; the data's are "
                f"{', '.join(reader.class_names)}. Evaluate on the kind of data it was "
                "trained on, or correct classes.txt."
            )

    def sidecar(self):
        sizes = getattr(self.held_out, "sizes", None)
        if sizes is None:
            sample = next(self.held_out.samples().take(1).as_numpy_iterator())
            sizes = [sample["image"].shape[:2]]
        colours = self.held_out.colours
        # A model that has seen several sizes has no scale of its own.
        common = len(set(map(tuple, sizes))) == 1
        return {
            "class_names": list(self.held_out.class_names),
            "colours": [[int(value) for value in colour] for colour in colours],
            "image_size": [int(side) for side in sizes[0]] if common else None,
        }

    def apply_model(self, builder, *arguments):
        """Returns the model of [model], built with leading arguments of the data's."""
        return apply_table(self.recipe, "model", partial(builder), *arguments)


class OneByOne:
    """The samples of a reader as batches of one, whatever their sizes.

    Args:
        reader: Any reader; see `tfrecvis.data`.
    """

    def __init__(self, reader):
        self.reader = reader

    def __len__(self):
        return len(self.reader)

    def __iter__(self):
        for sample in self.reader.samples().as_numpy_iterator():
            yield {
                # NumPy's strings would lose zero bytes at the end.
                name: np.array([value], object if isinstance(value, bytes) else None)
                for name, value in sample.items()
            }


class Together:
    """The samples of a reader, whose images have one size, in batches.

    Args:
        reader: Any reader; see `tfrecvis.data`.
    """

    def __init__(self, reader):
        self.reader = reader

    def __len__(self):
        return -(-len(self.reader) // BATCH)

    def __iter__(self):
        from tfrecvis.data import batches

        dataset = batches(self.reader, BATCH, inputs=None, shuffle=False)
        return dataset.as_numpy_iterator()


def _must_pad(reader, augmentation):
    """Whether a batch may hold images of different sizes."""
    if augmentation is not None and augmentation.crop_size is not None:
        return False
    sizes = getattr(reader, "sizes", None)
    return sizes is None or len(set(map(tuple, sizes))) > 1
