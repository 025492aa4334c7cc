"""What all readers share: problems, colours, and samples by number."""

import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfrecvis.data.memory import Memory

VOID = 255


class Problem(NamedTuple):
    """A file that cannot be used, and why.

    Example:

    >>> Problem("train/a.jpg", "has no label map").reason
    'has no label map'
    """

    file: str
    reason: str


class Reader:
    """Base of the readers: subclasses give `load` or `samples`.

    Args:
        class_names: List of strings, one a class.
        colours: `(classes, 3)` integers 0-255, RGB, or None for `class_colours`.

    Example:

    >>> Reader(["road", "sky"]).num_classes
    2
    """

    def __init__(self, class_names, colours=None):
        self.class_names = [str(name) for name in class_names]
        if not 1 <= len(self.class_names) <= VOID:
            raise ValueError(
                f"`class_names` must name 1 to {VOID} classes, because {VOID} is void. "
                f"Received: {len(self.class_names)} names."
            )
        self.colours = checked_colours(colours, self.num_classes)
        self.problems = []
        self.memory = None

    @property
    def num_classes(self):
        return len(self.class_names)

    def __len__(self):
        return len(self.sizes)

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        return self.memory.load(index)

    def samples(self):
        """A `tf.data.Dataset` of sample dicts, in the order of their numbers."""
        numbers = tf.data.Dataset.range(len(self))
        dataset = numbers.map(self.load, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.prefetch(tf.data.AUTOTUNE)


def report_problems(problems, total, where, strict):
    """Says which files are left out: a warning, or an error when `strict`.

    Args:
        problems: List of `Problem`.
        total: Integer, the files that were looked at.
        where: String that names the data set.
        strict: Boolean.

    Raises:
        ValueError: `strict`, or no file is left.

    Example:

    >>> report_problems([], total=3, where="data/train", strict=True)
    """
    if not problems:
        return
    bad = len({problem.file for problem in problems})
    shown = [f"  {problem.file}: {problem.reason}" for problem in problems[:20]]
    if len(problems) > len(shown):
        shown.append(f"  and {len(problems) - len(shown)} more, in `problems`")
    listing = "\n".join(shown)
    text = f"{bad} of {total} files of {where} cannot be used:\n{listing}\n"
    if strict:
        raise ValueError(
            text + "Mend or remove them, or pass strict=False to go on without them."
        )
    if bad >= total:
        raise ValueError(text + "Nothing is left to read.")
    warnings.warn(text + f"Going on with {total - bad}.", stacklevel=3)


def find_label_problem(labels, num_classes, void=VOID):
    """What is wrong with the values of a label map, or None.

    Args:
        labels: `(height, width)` integers.
        num_classes: Integer or None when any class below `void` is fine.
        void: Integer.

    Example:

    >>> find_label_problem(np.array([[0, 7, 7, 255]]), num_classes=5)
    'has 2 pixels with values outside 0..4 and 255 (void): 7'
    """
    limit = void if num_classes is None else num_classes
    wrong = labels[((labels < 0) | (labels >= limit)) & (labels != void)]
    if not wrong.size:
        return None
    values = np.unique(wrong)
    shown = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
    return (
        f"has {wrong.size} pixels with values outside 0..{limit - 1} and {void} "
        f"(void): {shown}"
    )


def class_colours(num_classes):
    """Well-told-apart colours, `(classes, 3)` uint8 RGB: those of Pascal VOC.

    The first is black there; here the list starts with VOC's second colour.

    Example:

    >>> class_colours(2).tolist()
    [[128, 0, 0], [0, 128, 0]]
    """
    colours = np.zeros((num_classes, 3), "uint8")
    for number in range(num_classes):
        bits = number + 1
        for place in range(7, -1, -1):
            for channel in range(3):
                colours[number, channel] |= ((bits >> channel) & 1) << place
            bits >>= 3
    return colours


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
    if not fits or colours.min() < 0 or colours.max() > 255:
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
    """Keeps decoded samples, `(image, labels, file)`, in a reader's memory.

    Example:

    >>> reader = Reader(["road"])
    >>> image, labels = np.zeros((2, 3, 3), "uint8"), np.zeros((2, 3), "uint8")
    >>> remember(reader, [(image, labels, "a")])
    >>> len(reader)
    1
    """
    reader.memory = Memory(samples)
    reader.sizes = reader.memory.sizes
