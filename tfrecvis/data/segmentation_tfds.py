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
from tfrecvis.data.problems import (
    VOID,
    DataError,
    Problem,
    find_label_problem,
    report_problems,
)
from tfrecvis.data.reader import Reader, fits_in_memory, remember
from tfrecvis.optional import optional_import


class SegmentationTFDS(Reader):
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
        self.split = split
        self.image_key, self.labels_key = image_key, labels_key
        self._ignore = [int(value) for value in np.atleast_1d(np.array(ignore))]
        self._offset = int(label_offset)
        self._builder = builder or _builder(name, data_dir)
        self.name = name or self._builder.info.full_name
        self._check_features()
        self._check_prepared(download)
        if class_names is None:
            class_names = self._builder_class_names()
        known = None if class_names is None else len(class_names)
        usable, problems, sizes, held, highest = [], [], [], [], -1
        where = f"{self.name}, split {split}"
        try:
            raws = self._raw()
        except ValueError as error:  # such as a slice that no sample falls into
            raise ValueError(f"There is no sample in {where}. {error}") from error
        for raw in raws.as_numpy_iterator():
            image, labels, reason = self._decode(raw)
            if reason is None:
                reason = find_label_problem(labels, known)
                reason = reason and f"the label map {reason}"
            file = raw["tfds_id"].decode()
            usable.append(not reason)
            if reason:
                problems.append(Problem(file, reason))
                continue
            sizes.append(labels.shape)
            highest = max(highest, int(labels[labels != VOID].max(initial=-1)))
            if held is not None:
                held.append({"image": image, "labels": labels, "file": file})
                if not fits_in_memory(sizes, cache_bytes):
                    held = None
        if not usable:
            raise ValueError(f"There is no sample in {where}.")
        report_problems(problems, len(usable), where, strict)
        if class_names is None:
            class_names = [f"class_{number}" for number in range(highest + 1)]
        if not class_names:
            raise DataError(
                f"All label maps of {where} are void, so their classes are unknown.",
                "Pass `class_names`.",
            )
        super().__init__(class_names, colours)
        self.problems = problems
        self.sizes = sizes
        self._usable = usable
        if held is None:
            self.load = None  # no random access
        else:
            remember(self, held)

    def samples(self):
        if self.memory is not None:
            return super().samples()
        usable = tf.constant(self._usable)
        raws = self._raw().enumerate().filter(lambda number, _: usable[number])
        dataset = raws.map(self._sample, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _raw(self):
        """Undecoded samples, in the order of their files."""
        import tensorflow_datasets as tfds

        features = self._builder.info.features
        encoded = {
            key: tfds.decode.SkipDecoding()
            for key in (self.image_key, self.labels_key)
            if isinstance(features[key], tfds.features.Image)
        }
        dataset = self._builder.as_dataset(
            split=self.split,
            shuffle_files=False,
            decoders=encoded,
            read_config=tfds.ReadConfig(add_tfds_id=True, try_autocache=False),
        )
        wanted = (self.image_key, self.labels_key, "tfds_id")
        return dataset.map(lambda sample: {key: sample[key] for key in wanted})

    def _decode(self, raw):
        """`(image, labels, None)`, or the reason why there are none."""
        image, labels = raw[self.image_key], raw[self.labels_key]
        if isinstance(image, bytes) and isinstance(labels, bytes):
            image, labels, reason = decode_pair(image, labels)
        else:
            try:
                image = decode_bytes(image) if isinstance(image, bytes) else image
                labels = decode_labels(labels) if isinstance(labels, bytes) else labels
            except ValueError as error:
                return None, None, f"the image or label map {error}"
            labels = _flat(labels)
            reason = find_size_problem(image, labels)
        return (None, None, reason) if reason else (image, self._classes(labels), None)

    def _sample(self, _, raw):
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

    def _check_features(self):
        features = list(self._builder.info.features)
        for argument in ("image_key", "labels_key"):
            key = getattr(self, argument)
            if key not in features:
                raise ValueError(
                    f"{self.name} has no feature {key!r}. Pass one of {features} as "
                    f"`{argument}`."
                )

    def _check_prepared(self, download):
        if not self._builder.is_prepared():
            if not download:
                raise DataError(
                    f"{self.name} is not prepared in {self._builder.data_dir}.",
                    "Pass download=True to download and prepare it, or the `data_dir` "
                    "where it lies.",
                )
            self._builder.download_and_prepare()
        splits = list(self._builder.info.splits)
        if self.split.split("[")[0] not in splits and "+" not in self.split:
            raise ValueError(
                f"{self.name} has no split {self.split!r}. Splits: {splits}."
            )

    def _builder_class_names(self):
        feature = self._builder.info.features[self.labels_key]
        return getattr(feature, "names", None) or None


def _builder(name, data_dir):
    tfds = optional_import(
        "tensorflow_datasets", extra="data", what="Sets of tensorflow-datasets"
    )
    return tfds.builder(name, data_dir=data_dir)


def _flat(labels):
    """`(height, width)` labels from `(height, width, 1)` ones."""
    return labels[..., 0] if labels.ndim == 3 else labels
