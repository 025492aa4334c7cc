"""Captioning sets of tensorflow-datasets."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.caption_reader import report_captions, resized, usable_captions
from tfrecvis.data.decoding import decode_bytes, decode_image
from tfrecvis.data.tfds_reader import TFDSReader
from tfrecvis.ops.checks import as_integers


class CaptionTFDS(TFDSReader):
    """Any set of photos with captions that tensorflow-datasets can build.

    The captions are a sequence of texts, or of objects with a text, as those of
    `"coco_captions"`. Every sample is decoded once when the reader is made: a photo
    that is broken or has no caption left is named by its TFDS id, counted and left out,
    and so are captions that cannot be used (see
    `tfrecvis.data.caption_reader.CaptionReader`), or both are errors with `strict`.
    Sets that fit in `cache_bytes` are kept in memory; larger ones are read in sequence
    in each epoch, and `batches` then mixes `shuffle_buffer` samples at a time.

    Args:
        name: String such as `"coco_captions"`; may hold config and version.
        split: String such as `"train"` or `"val[:500]"`.
        image_size: `(height, width)` that all photos are resized to, or None.
        image_key: String, the image's feature.
        captions_key: String, the feature of the captions.
        text_key: String, the text within a caption; not used where captions are texts.
        strict: Boolean, makes every problem an error.
        cache_bytes: Integer; the largest set that is kept in memory.
        data_dir: String, where tensorflow-datasets keeps its data; default its own.
        download: Boolean, download and prepare the set when it is not there.
        builder: A `tfds.core.DatasetBuilder` to use in place of `name`.

    Attributes: `captions`, list of lists of strings; `problems`, list of
    `Problem(file, reason)`; `sizes`, list of (height, width). A sample has the keys
    `image`, `captions` and `file`, the TFDS id.

    Raises:
        ImportError: tensorflow-datasets is not installed.
        ValueError: The set has no such split or feature, or no sample.
        DataError: The set is not prepared, or something cannot be used and `strict`.

    Example:

    >>> def photos():
    ...     return CaptionTFDS("coco_captions", "val", (128, 128), download=True)
    """

    def __init__(
        self,
        name,
        split,
        image_size=None,
        image_key="image",
        captions_key="captions",
        text_key="text",
        strict=False,
        cache_bytes=2**30,
        data_dir=None,
        download=False,
        builder=None,
    ):
        if image_size is not None:
            image_size = as_integers("image_size", tuple(image_size), count=2)
        self.image_key, self.captions_key = image_key, captions_key
        self.encoded = (image_key,)
        self._image_size = image_size
        keys = {"image_key": image_key, "captions_key": captions_key}
        self.open_builder(name, split, keys, data_dir, download, builder)
        self._text_key = self._text_of(text_key)
        self._of_captions = []
        self.captions = [
            sample["captions"] for sample in self.scan(strict, cache_bytes)
        ]
        super().__init__()
        report_captions(self._of_captions, self.where, strict)
        self.keep()
        self.problems = self._problems + self._of_captions

    def decode(self, raw):
        image, file = raw[self.image_key], raw["tfds_id"].decode()
        if isinstance(image, bytes):
            try:
                image = decode_bytes(image)
            except ValueError as error:
                return None, f"the image {error}"
        captions, problems = _usable(self._texts(raw), file)
        self._of_captions += problems
        if not captions:
            return None, "has no caption"
        if self._image_size is not None:
            image = resized(image, self._image_size).numpy()
        return {"image": image, "captions": captions, "file": file}, None

    def decode_tensors(self, raw):
        image = raw[self.image_key]
        if image.dtype == tf.string:
            image = decode_image(image)
        captions = tf.numpy_function(
            lambda texts: np.array([text.encode() for text in _usable(texts, "")[0]]),
            [self._texts(raw)],
            tf.string,
            stateful=False,
        )
        image = resized(tf.cast(image, tf.uint8), self._image_size)
        return {
            "image": tf.ensure_shape(image, [*(self._image_size or (None, None)), 3]),
            "captions": tf.ensure_shape(captions, [None]),
            "file": raw["tfds_id"],
        }

    def _texts(self, raw):
        captions = raw[self.captions_key]
        return captions[self._text_key] if self._text_key else captions

    def _text_of(self, text_key):
        """The key of the text within a caption, or None where captions are texts."""
        captions = self._builder.info.features[self.captions_key]
        features = getattr(captions, "feature", captions)
        if not hasattr(features, "keys"):
            return None
        if text_key not in features:
            raise ValueError(
                f"The captions of {self.name} have no feature {text_key!r}. Pass one "
                f"of {list(features)} as `text_key`."
            )
        return text_key


def _usable(texts, file):
    """`usable_captions` of bytes; what is no UTF-8 is one of its problems."""
    texts = [text.decode(errors="replace") for text in np.reshape(texts, -1)]
    return usable_captions(texts, file)
