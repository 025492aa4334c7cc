"""Decoded samples kept in memory, so that no epoch decodes them again."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.sample_keys import (
    SAMPLE_KEYS,
    check_sample,
    known_key,
    spatial_keys,
)


class Memory:
    """Samples of any keys and sizes in a few tensors, read by number.

    Each key is one tensor. A size that all samples share is static in what `load`
    gives; sizes that differ are not. Integers are held in the smallest type that their
    values fit into.

    Args:
        samples: List of sample dicts of arrays, all of the same keys. Their integers
            may be of any type.

    Attributes:
        sizes: List of (height, width), or None where no key has a value per pixel.

    Raises:
        ValueError: A sample does not fit `SAMPLE_KEYS`, or the keys differ.

    Example:

    >>> samples = [{"image": np.ones((2, width, 3), "uint8")} for width in (3, 4)]
    >>> Memory(samples).load(1)["image"].shape
    TensorShape([2, 4, 3])
    """

    def __init__(self, samples):
        names = set(samples[0]) if samples else set()
        for number, sample in enumerate(samples):
            if set(sample) != names:
                differing = ", ".join(sorted(names ^ set(sample)))
                raise ValueError(
                    "All samples must have the same keys. Sample "
                    f"{number} and sample 0 differ in: {differing}."
                )
        samples = [_checked(sample) for sample in samples]
        self._length = len(samples)
        self.sizes = None
        # Ordinary memory, also where a GPU is present: tf.data runs on the CPU.
        with tf.device("/CPU:0"):
            self._columns = {
                name: _Column(name, [sample[name] for sample in samples])
                for name in SAMPLE_KEYS
                if name in names
            }
        for name in spatial_keys(names)[:1]:
            place = SAMPLE_KEYS[name].axis_names.index("height")
            shapes = [sample[name].shape for sample in samples]
            self.sizes = [tuple(shape[place : place + 2]) for shape in shapes]

    def __len__(self):
        return self._length

    @tf.autograph.experimental.do_not_convert
    def load(self, index):
        """The sample dict of a number, as tensors."""
        return {name: column.load(index) for name, column in self._columns.items()}


class _Column:
    """The values of one key: stacked where they have one shape, else end to end."""

    def __init__(self, name, arrays):
        self.dtype = SAMPLE_KEYS[name].dtype
        shapes = np.array([array.shape for array in arrays], "int64")
        same = (shapes == shapes[0]).all(axis=0)
        self.static = [
            int(size) if one else None
            for size, one in zip(shapes[0], same, strict=True)
        ]
        self.stacked = bool(same.all())
        if self.stacked:
            self.values = tf.constant(_narrow(np.stack(arrays)))
            return
        # `concatenate` of flat arrays, also where they are of no element at all.
        self.values = tf.constant(
            _narrow(np.concatenate([array.reshape(-1) for array in arrays])),
            dtype=tf.string if self.dtype == "string" else None,
        )
        lengths = shapes.prod(axis=1)
        self.starts = tf.constant(np.cumsum(lengths) - lengths)
        self.shapes = tf.constant(shapes)

    def load(self, index):
        if self.stacked:
            value = self.values[index]
        else:
            start, shape = self.starts[index], self.shapes[index]
            value = self.values[start : start + tf.reduce_prod(shape)]
            value = tf.ensure_shape(tf.reshape(value, shape), self.static)
        return value if self.dtype == "string" else tf.cast(value, self.dtype)


def _checked(sample):
    """A sample as arrays of narrow types, once it is found to fit the table."""
    arrays = {name: np.asarray(value) for name, value in sample.items()}
    check_sample({name: _of_table_type(name, arrays[name]) for name in arrays})
    return {name: _narrow(array) for name, array in arrays.items()}


def _of_table_type(name, array):
    """Integers as the type of the table where they fit into it."""
    dtype = known_key(name).dtype
    if array.dtype.kind in "iu" and dtype in ("int32", "uint8"):
        limits = np.iinfo(dtype)
        if not array.size or limits.min <= array.min() <= array.max() <= limits.max:
            return array.astype(dtype)
    return array


def _narrow(array):
    """Integers in the smallest type that holds them; other arrays as they are."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    low, high = array.min(), array.max()
    for dtype in ("uint8", "int16"):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array
