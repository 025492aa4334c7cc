"""Segmentation sets of tensorflow-datasets."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import (
    decode_bytes,
    decode_image,
    decode_labels,
    decode_pair,
    find_size_problem,
)
from tfrecvis.data.problems import VOID, DataError, find_label_problem
from tfrecvis.data.tfds_reader import TFDSReader


class SegmentationTFDS(TFDSReader):
    """Any segmentation set that tensorflow-datasets can build.

    Every sample is decoded once when the reader is made, and checked as
    `SegmentationFolder` does: what cannot be used is named by its TFDS id, counted,
    and left out, or an error with `strict`. Sets that fit in `cache_bytes` are kept
    in memory; larger ones are read in sequence in each epoch, and `batches` then
    mixes `shuffle_buffer` samples at a time.

    Args:
        name: String such as `"oxford_iiit_pet"`; may hold config and version.
        split: String such as `"train"` or `"train[:80%]"`.
        class_names: List of strings; without it those that the builder knows for
            the label maps; without these `class_0`, ... up to the highest label.
        colours: `(classes, 3)` integers 0-255, RGB, for pictures.
        image_key: String, the image's feature.
        labels_key: String, the label map's feature.
        ignore: Integer or list of integers, label values that become void. Values
            are those in the data set, before `label_offset`.
        label_offset: Integer added to all other labels: -1 where classes count
            from 1. The value 255 stays void.
        strict: Boolean, makes every problem an error.
        cache_bytes: Integer; the largest set that is kept in memory.
        data_dir: String, where tensorflow-datasets keeps its data; default its own.
        download: Boolean, download and prepare the set when it is not there.
        builder: A `tfds.core.DatasetBuilder` to use in place of `name`.

    Attributes: those of `SegmentationFolder`.

    Raises:
        ImportError: tensorflow-datasets is not installed.
        ValueError: The set has no such split or feature, or no sample.
        DataError: The set is not prepared, a sample cannot be used and `strict`, or
            none can be used.

    Example: the pets, whose outline (3) is better left out.

    >>> def pets():
    ...     return SegmentationTFDS(
    ...         "oxford_iiit_pet", "train", class_names=["pet", "background"],
    ...         ignore=3, label_offset=-1, download=True,
    ...     )
    """

    def __init__(
        self,
        name,
        split,
        class_names=None,
        colours=None,
        image_key="image",
        labels_key="segmentation_mask",
        ignore=(),
        label_offset=0,
        strict=False,
        cache_bytes=2**30,
        data_dir=None,
        download=False,
        builder=None,
    ):
        self.image_key, self.labels_key = image_key, labels_key
        self.encoded = image_key, labels_key
        self._ignore = [int(value) for value in np.atleast_1d(np.array(ignore))]
        self._offset = int(label_offset)
        keys = {"image_key": image_key, "labels_key": labels_key}
        self.open_builder(name, split, keys, data_dir, download, builder)
        if class_names is None:
            class_names = self._builder_class_names()
        self._known = None if class_names is None else len(class_names)
        highest = -1
        for sample in self.scan(strict, cache_bytes):
            labels = sample["labels"]
            highest = max(highest, int(labels[labels != VOID].max(initial=-1)))
        if class_names is None:
            class_names = [f"class_{number}" for number in range(highest + 1)]
        if not class_names:
            raise DataError(
                f"All label maps of {self.where} are void, so their classes are "
                "unknown.",
                "Pass `class_names`.",
            )
        super().__init__(class_names, colours)
        self.keep()

    def decode(self, raw):
        image, labels = raw[self.image_key], raw[self.labels_key]
        if isinstance(image, bytes) and isinstance(labels, bytes):
            image, labels, reason = decode_pair(image, labels)
        else:
            try:
                image = decode_bytes(image) if isinstance(image, bytes) else image
                labels = decode_labels(labels) if isinstance(labels, bytes) else labels
            except ValueError as error:
                return None, f"the image or label map {error}"
            labels = _flat(labels)
            reason = find_size_problem(image, labels)
        if reason:
            return None, reason
        labels = self._classes(labels)
        reason = find_label_problem(labels, self._known)
        if reason:
            return None, f"the label map {reason}"
        file = raw["tfds_id"].decode()
        return {"image": image, "labels": labels, "file": file}, None

    def decode_tensors(self, raw):
        image, labels = raw[self.image_key], raw[self.labels_key]
        if image.dtype == tf.string:
            image = decode_image(image)
        labels = tf.numpy_function(
            lambda labels: self._classes(
                decode_labels(labels) if isinstance(labels, bytes) else _flat(labels)
            ),
            [labels],
            tf.int32,
            stateful=False,
        )
        return {
            "image": tf.ensure_shape(tf.cast(image, tf.uint8), [None, None, 3]),
            "labels": tf.ensure_shape(labels, [None, None]),
            "file": raw["tfds_id"],
        }

    def _classes(self, labels):
        """Class numbers and void from the data set's own values."""
        void = (labels == VOID) | np.isin(labels, self._ignore)
        return np.where(void, VOID, labels.astype("int32") + self._offset)

    def _builder_class_names(self):
        feature = self._builder.info.features[self.labels_key]
        return getattr(feature, "names", None) or None


def _flat(labels):
    """`(height, width)` labels from `(height, width, 1)` ones."""
    return labels[..., 0] if labels.ndim == 3 else labels
