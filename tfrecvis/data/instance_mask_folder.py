"""Images with a mask for each instance, in a folder of label images."""

import json
import pathlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import read_image
from tfrecvis.data.instances import numbered_instances, with_masks
from tfrecvis.data.problems import DataError, Problem, report_problems
from tfrecvis.data.reader import Reader, remember


class InstanceMaskFolder(Reader):
    """Images whose instances are numbered in a second image, all of one class.

        <path>/index.json       a list of {"id": "0001", "split": "train"}
        <path>/images/<id>.png  or another suffix of `IMAGE_SUFFIXES`
        <path>/masks/<id>.png   8 or 16 bit: 0 is background, other numbers instances

    A sample holds `masks`, one for each instance, in the order of their numbers, and
    the smallest `boxes` around them. An instance is one number, whether its pixels hang
    together or not. Every file is read once, when the reader is made; in memory the
    numbers of an image stay one image. What cannot be read, and masks of another size
    than their image, are left out, named in `problems` and counted in a warning; with
    `strict` it is an error.

    Args:
        path: String or path of the folder.
        split: String, a split of `index.json`.
        class_names: List of one string.
        strict: Boolean, makes every problem an error.

    Attributes: `class_names`, `num_classes`, `colours`, `problems` (list of
    `Problem(file, reason)`), `sizes` (list of (height, width)).

    Raises:
        ValueError: `index.json` is missing or wrong, the split is not in it, nothing
            can be used, or `strict`.

    Example:

    >>> def nuclei():
    ...     return InstanceMaskFolder("nuclei", "train", ["nucleus"])
    """

    def __init__(self, path, split, class_names=("object",), strict=False):
        super().__init__(class_names)
        if self.num_classes != 1:
            raise ValueError(
                "`class_names` must name one class: the numbers in a mask tell "
                f"instances apart, not classes. Received: {self.class_names}."
            )
        self.path = pathlib.Path(path)
        self.split = split
        names = self._names()
        problems, samples = [], []
        with ThreadPoolExecutor() as pool:
            for sample, problem in pool.map(self._read, names):
                (problems if sample is None else samples).append(problem or sample)
        where = f"{self.path}, split {split}"
        report_problems(problems, len(names), where, strict)
        remember(self, samples)
        self.problems = problems

    def _names(self):
        file = self.path / "index.json"
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
            splits = [(str(entry["id"]), entry["split"]) for entry in entries]
        except FileNotFoundError:
            raise DataError(
                f"There is no file {file}. Expected a list of "
                '{"id": "0001", "split": "train"}, with images/0001.png and '
                "masks/0001.png beside it."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{file} must hold a list of {{"id": "0001", "split": "train"}}. '
                f"Received: {type(error).__name__}: {error}."
            ) from error
        names = [name for name, own in splits if own == self.split]
        if not names:
            known = ", ".join(sorted({str(own) for _, own in splits}))
            raise DataError(
                f"{file} has no image of the split {self.split!r}. Splits: {known}."
            )
        return names

    def _read(self, name):
        """`(sample, None)` or `(None, Problem)`."""
        found = sorted((self.path / "images").glob(f"{name}.*"))
        file = found[0] if found else self.path / "images" / f"{name}.png"
        mask = self.path / "masks" / f"{name}.png"
        try:
            image = read_image(file)
        except ValueError as error:
            return None, Problem(str(file), str(error))
        try:
            data = tf.io.read_file(str(mask))
            numbers = tf.io.decode_png(data, channels=1, dtype=tf.uint16).numpy()
        except tf.errors.OpError:
            reason = "cannot be decoded as PNG" if mask.is_file() else "is missing"
            return None, Problem(str(mask), reason)
        numbers = numbers[..., 0].astype("int32")
        if numbers.shape != image.shape[:2]:
            return None, Problem(
                str(mask),
                f"is {numbers.shape} in size (height, width), its image "
                f"{image.shape[:2]}",
            )
        numbers, boxes = numbered_instances(numbers)
        sample = {
            "image": image,
            "labels": numbers,
            "boxes": boxes,
            "classes": np.zeros(len(boxes), "int32"),
            "file": str(file),
        }
        return sample, None

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        return with_masks(self.memory.load(index))
