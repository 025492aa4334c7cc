"""Detection sets of tensorflow-datasets."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import decode_bytes, decode_image
from tfrecvis.data.problems import DataError
from tfrecvis.data.tfds_reader import TFDSReader
from tfrecvis.data.usable_boxes import report_boxes, usable_boxes


class DetectionTFDS(TFDSReader):
    """Any set with boxes that tensorflow-datasets can build, such as `"voc/2007"`.

    Its objects are a sequence of `bbox`, shares of the image's height and width in the
    order ymin, xmin, ymax, xmax, and a class. Every sample is decoded once when the
    reader is made: a broken image is named by its TFDS id, counted and left out, boxes
    that cannot be used likewise (see `VOCFolder`), or both are errors with `strict`.
    Sets that fit in `cache_bytes` are kept in memory; larger ones are read in sequence
    in each epoch, and `batches` then mixes `shuffle_buffer` samples at a time.

    Args:
        name: String such as `"coco/2017"`; may hold config and version.
        split: String such as `"train"` or `"train[:80%]"`.
        class_names: List of strings; without it those that the builder knows.
        image_key: String, the image's feature.
        objects_key: String, the feature of the objects.
        label_key: String, the class within an object.
        strict: Boolean, makes every problem an error.
        cache_bytes: Integer; the largest set that is kept in memory.
        data_dir: String, where tensorflow-datasets keeps its data; default its own.
        download: Boolean, download and prepare the set when it is not there.
        builder: A `tfds.core.DatasetBuilder` to use in place of `name`.

    Attributes: those of `VOCFolder`. A sample has the keys `image`, `boxes`, `classes`,
    `difficult` where the objects have `is_difficult` or `is_crowd`, and `file`, the
    TFDS id.

    Raises:
        ImportError: tensorflow-datasets is not installed.
        ValueError: The set has no such split or feature, or no sample.
        DataError: The set is not prepared, its classes have no names, or something
            cannot be used and `strict`.

    Example:

    >>> def cars_and_people():
    ...     return DetectionTFDS("voc/2007", "train", download=True)
    """

    def __init__(
        self,
        name,
        split,
        class_names=None,
        image_key="image",
        objects_key="objects",
        label_key="label",
        strict=False,
        cache_bytes=2**30,
        data_dir=None,
        download=False,
        builder=None,
    ):
        self.image_key, self.objects_key = image_key, objects_key
        self.label_key = label_key
        self.encoded = (image_key,)
        keys = {"image_key": image_key, "objects_key": objects_key}
        self.open_builder(name, split, keys, data_dir, download, builder)
        objects = self._objects()
        if class_names is None:
            class_names = getattr(objects[label_key], "names", None)
        if not class_names:
            raise DataError(
                f"The classes of {self.name} have no names.", "Pass `class_names`."
            )
        self._names = list(class_names)
        self._hard_key = next(
            (key for key in ("is_difficult", "is_crowd") if key in objects), None
        )
        self._boxes = []
        for _ in self.scan(strict, cache_bytes):
            pass
        super().__init__(class_names)
        report_boxes(self._boxes, self.where, strict)
        self.keep()
        self.problems = self._problems + self._boxes

    def decode(self, raw):
        image = raw[self.image_key]
        if isinstance(image, bytes):
            try:
                image = decode_bytes(image)
            except ValueError as error:
                return None, f"the image {error}"
        file = raw["tfds_id"].decode()
        sample, problems = self._sample(raw[self.objects_key], image.shape[:2], file)
        self._boxes += problems
        return {"image": image, **sample, "file": file}, None

    def decode_tensors(self, raw):
        image, objects = raw[self.image_key], raw[self.objects_key]
        if image.dtype == tf.string:
            image = decode_image(image)
        names = ["bbox", self.label_key, *([self._hard_key] if self._hard_key else [])]

        def values(size, *given):
            objects = dict(zip(names, given, strict=True))
            sample, _ = self._sample(objects, tuple(size), "")
            return tuple(sample.values())

        types = [tf.float32, tf.int32, *([tf.bool] if self._hard_key else [])]
        shapes = [[None, 4], [None], [None]]
        found = tf.numpy_function(
            values,
            [tf.shape(image)[:2], *(objects[name] for name in names)],
            types,
            stateful=False,
        )
        keys = ("boxes", "classes", "difficult")
        found = {
            key: tf.ensure_shape(value, shape)
            for key, value, shape in zip(keys, found, shapes, strict=False)
        }
        image = tf.ensure_shape(tf.cast(image, tf.uint8), [None, None, 3])
        return {"image": image, **found, "file": raw["tfds_id"]}

    def _sample(self, objects, size, file):
        """Boxes, classes and, where they are known, the difficult ones; problems."""
        height, width = size
        stretch = np.array([width, height, width, height], "float32")
        boxes = np.reshape(objects["bbox"], (-1, 4))[:, [1, 0, 3, 2]] * stretch
        known = dict(enumerate(self._names))
        names = [known.get(int(n), f"number {n}") for n in objects[self.label_key]]
        kept, boxes, problems = usable_boxes(boxes, names, self._names, size, file)
        sample = {"boxes": boxes, "classes": objects[self.label_key][kept]}
        sample["classes"] = sample["classes"].astype("int32")
        if self._hard_key:
            sample["difficult"] = objects[self._hard_key][kept].astype(bool)
        return sample, problems

    def _objects(self):
        """The features of one object."""
        objects = self._builder.info.features[self.objects_key]
        features = getattr(objects, "feature", objects)
        for key in ("bbox", self.label_key):
            if key not in getattr(features, "keys", list)():
                raise ValueError(
                    f"The objects of {self.name} have no feature {key!r}. They need "
                    "`bbox` and a class, whose name goes into `label_key`."
                )
        return features
