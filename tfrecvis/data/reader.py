"""What all readers share: classes, colours, samples by number, and subsets."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.memory import Memory
from tfrecvis.data.problems import VOID
from tfrecvis.ops.checks import check_integer


class Reader:
    """Base of the readers: subclasses give `load` or `samples`.

    Args:
        class_names: List of strings, one per class; None where samples have no class.
        colours: `(classes, 3)` integers 0-255, RGB, or None for `class_colours`.

    Example: samples that are in memory already.

    >>> reader = Reader(["road", "sky"])
    >>> image, labels = np.zeros((2, 3, 3), "uint8"), np.zeros((2, 3), "int32")
    >>> remember(reader, [{"image": image, "labels": labels}] * 5)
    >>> reader.num_classes, len(reader), len(reader.subset(2))
    (2, 5, 2)
    """

    def __init__(self, class_names=None, colours=None):
        names = [] if class_names is None else class_names
        self.class_names = [str(name) for name in names]
        least = 0 if class_names is None else 1
        if not least <= len(self.class_names) <= VOID:
            raise ValueError(
                f"`class_names` must name 1 to {VOID} classes, because {VOID} is void. "
                f"Received: {len(self.class_names)} names."
            )
        self.colours = checked_colours(colours, self.num_classes)
        self.problems = []
        self.memory = None
        self.sizes = None

    @property
    def num_classes(self):
        return len(self.class_names)

    def __len__(self):
        return len(self.sizes if self.memory is None else self.memory)

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        return self.memory.load(index)

    def samples(self):
        """A `tf.data.Dataset` of sample dicts, in the order of their numbers."""
        return _samples_by_number(len(self), self.load)

    def subset(self, count):
        """A reader of `count` of the samples; see `tfrecvis.data.subset`."""
        return subset(self, count)


def subset(reader, count):
    """A reader of some of another one's samples, evenly spaced over their order.

    Sample i of `count` is sample `i * len(reader) // count` of the other reader: the
    same ones at every call.

    Args:
        reader: Any reader; see `tfrecvis.data`.
        count: Integer, 1 to `len(reader)`.

    Returns:
        A reader with the classes, colours and problems of the other one.

    Raises:
        ValueError: `count` is no such integer.

    Example:

    >>> from tfrecvis.data import SyntheticScenes
    >>> scenes = SyntheticScenes("train", count=10, size=48)
    >>> few = subset(scenes, 3)
    >>> [sample["file"].numpy().decode()[-1] for sample in few.samples()]
    ['0', '3', '6']
    """
    check_integer("count", count)
    if count > len(reader):
        raise ValueError(
            f"A subset cannot have more samples than the {len(reader)} that there "
            f"are. Received: count={count}."
        )
    return _Subset(reader, [index * len(reader) // count for index in range(count)])


class _Subset(Reader):
    """Samples of another reader by their numbers, which rise."""

    def __init__(self, reader, numbers):
        super().__init__(reader.class_names or None, getattr(reader, "colours", None))
        self.problems = reader.problems
        self._reader = reader
        self._numbers = numbers
        for name in ("sizes", "files", "captions"):
            values = getattr(reader, name, None)
            if values is not None:
                setattr(self, name, [values[number] for number in numbers])
        if getattr(reader, "load", None) is None:
            self.load = None  # no random access

    def __len__(self):
        return len(self._numbers)

    def load(self, index):
        return self._reader.load(tf.constant(self._numbers, tf.int64)[index])

    def samples(self):
        if self.load is not None:
            return super().samples()
        wanted = np.zeros(len(self._reader), bool)
        wanted[self._numbers] = True
        wanted = tf.constant(wanted)
        dataset = self._reader.samples().take(self._numbers[-1] + 1).enumerate()
        dataset = dataset.filter(lambda number, _: wanted[number])
        return dataset.map(lambda _, sample: sample)


def _samples_by_number(count, load):
    dataset = tf.data.Dataset.range(count)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def class_colours(num_classes):
    """Colours that are easy to tell apart, `(classes, 3)` uint8 RGB.

    Each colour is the one that is farthest, in CIELAB, from black (void), from white
    (the paper) and from all colours before it. So a class keeps its colour when others
    are added behind it.

    Example:

    >>> class_colours(2).tolist()
    [[0, 0, 255], [0, 255, 0]]
    """
    levels = np.arange(0, 256, 15)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    rgb = grid.reshape(-1, 3)
    # Integers, so that every machine finds the same colours.
    lab = np.rint(100 * _cielab(rgb)).astype("int64")
    chosen = [0, len(rgb) - 1]  # black and white
    nearest = np.full(len(rgb), np.iinfo("int64").max)
    for number in range(num_classes + 1):
        distance = ((lab - lab[chosen[number]]) ** 2).sum(axis=-1)
        nearest = np.minimum(nearest, distance)
        if number > 0:
            chosen.append(int(nearest.argmax()))
    return rgb[chosen[2:]].astype("uint8")


def _cielab(rgb):
    """CIELAB (white D65) of sRGB colours 0-255; see IEC 61966-2-1 and CIE 15."""
    value = np.asarray(rgb) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = linear @ np.transpose(to_xyz) / np.sum(to_xyz, axis=1)
    curve = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * 841 / 108 + 4 / 29)
    x, y, z = np.moveaxis(curve, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def checked_colours(colours, num_classes):
    """Colours as a `(classes, 3)` uint8 array.

    Raises:
        ValueError: They do not fit the classes.

    Example:

    >>> checked_colours([[0, 0, 255]], 1).dtype
    dtype('uint8')
    """
    if colours is None:
        return class_colours(num_classes)
    colours = np.asarray(colours)
    fits = colours.shape == (num_classes, 3)
    if not fits or colours.min(initial=0) < 0 or colours.max(initial=0) > 255:
        raise ValueError(
            f"`colours` must hold one [red, green, blue] of 0-255 for each of the "
            f"{num_classes} classes. Received: an array of shape {colours.shape}."
        )
    return colours.astype("uint8")


def fits_in_memory(sizes, cache_bytes):
    """Whether decoded images and labels of these sizes take at most `cache_bytes`.

    Example:

    >>> fits_in_memory([(10, 10)], cache_bytes=400)
    True
    """
    return sum(height * width * 4 for height, width in sizes) <= cache_bytes


def remember(reader, samples):
    """Keeps decoded samples, dicts of arrays, in a reader's memory.

    Example:

    >>> reader = Reader()
    >>> remember(reader, [{"tokens": [1, 2]}, {"tokens": [3]}])
    >>> [sample["tokens"].numpy().tolist() for sample in reader.samples()]
    [[1, 2], [3]]
    """
    reader.memory = Memory(samples)
    reader.sizes = reader.memory.sizes
