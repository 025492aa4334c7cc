"""What the tasks have in common whose data are NumPy arrays."""

import abc
import zlib
from itertools import chain, islice

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.task import Task


class ArrayTask(Task):
    """A task on arrays; see `Task`.

    A subclass sets `train_count` and `val_count` in `prepare`, and yields batches,
    dicts of arrays, from `epoch(rng)` and `split(name)`: the same ones for the same
    generator of random numbers or name. Both may be generators.
    """

    @abc.abstractmethod
    def prepare(self, data):
        """* Checks the [data] table and reads what is needed of it."""

    @abc.abstractmethod
    def epoch(self, rng):
        """* Iterable of the batches of an epoch of training."""

    @abc.abstractmethod
    def split(self, name):
        """* Iterable of the batches of a split, in order.

        Raises:
            UserError: there is no such split.
        """

    def open(self, strict=False):
        del strict  # for data of files that may be broken
        self.batch_size = self.training["batch_size"]
        self.prepare(dict(self.recipe["data"]))
        self.steps = self.train_count // self.batch_size
        if not self.steps:
            raise UserError(
                f"{self.train_count} {self.unit} make no batch of "
                f"{self.batch_size}. Lower training.batch_size."
            )
        self.steps = min(self.steps, self.training["steps"] or self.steps)
        self.description = (
            f"{self.train_count} {self.unit} per epoch to train on, "
            f"{self.val_count} to validate on"
        )

    def batches(self, first_epoch, epochs):
        seed = self.training["seed"]

        def generate():
            for epoch in range(first_epoch, first_epoch + epochs):
                whole = self.epoch(np.random.default_rng([seed, epoch]))
                yield from map(self.example, islice(whole, self.steps))

        return dataset(generate, epochs * self.steps)

    def validation(self):
        return dataset(lambda: map(self.example, self.split("val")))

    def evaluation(self, split, strict=False, data=None):
        table = dict(self.recipe["data"])
        if data is not None:
            if table.get("reader") in self.drawn:
                raise UserError("The recipe makes its data: leave out --data.")
            table["path"] = str(data)
        self.batch_size = self.training["batch_size"]
        self.prepare(table)
        batches = iter(self.split(split))
        # A wrong split is told here, and not when the first batch is asked for.
        first = list(islice(batches, 1))
        return chain(first, batches)


def dataset(generate, count=None):
    """Returns a `tf.data.Dataset` of the batches of a generator function.

    Args:
        generate: Function that returns an iterator.
        count: Integer, how many batches there are; None: they are counted.

    Example:

    >>> batches = dataset(lambda: iter([(np.ones((2, 3)), np.ones(2))]))
    >>> batches.element_spec[0].shape
    TensorShape([None, 3])
    """
    import tensorflow as tf

    if count is None:
        count = sum(1 for _ in generate())
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype),
        next(generate()),
    )
    batches = tf.data.Dataset.from_generator(generate, output_signature=signature)
    batches = batches.apply(tf.data.experimental.assert_cardinality(count))
    return batches.prefetch(tf.data.AUTOTUNE)


def split_seed(name):
    """Returns a number for the name of a split, the same everywhere.

    Example:

    >>> split_seed("val") == split_seed("test")
    False
    """
    return zlib.crc32(name.encode())


def check_split(name, known):
    """Refuses a split that drawn data does not have; any other name would draw one.

    Raises:
        UserError: the split is not known.
    """
    if name not in known:
        raise UserError(
            f"There is no split {name!r} of this data. Known: {', '.join(known)}."
        )


def slices(count, batch_size, rng=None):
    """Yields the indices of batches: all in order, or whole batches in random order.

    Example:

    >>> [len(index) for index in slices(5, 2)]
    [2, 2, 1]
    >>> [len(index) for index in slices(5, 2, np.random.default_rng(0))]
    [2, 2]
    """
    order = np.arange(count) if rng is None else rng.permutation(count)
    stop = count if rng is None else count // batch_size * batch_size
    for start in range(0, stop, batch_size):
        yield order[start : start + batch_size]


def checked_count(data, key, default):
    """Takes a number of samples out of [data].

    Raises:
        UserError: it is no positive integer.
    """
    count = data.pop(key, default)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise UserError(f"data.{key} must be a positive integer. Received: {count!r}.")
    return count
