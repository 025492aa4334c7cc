"""Decoded samples kept in memory, so that no epoch decodes them again."""

import numpy as np
import tensorflow as tf


class Memory:
    """Decoded samples of any sizes in two flat uint8 buffers, read by number.

    Args:
        samples: List of `(image, labels, file)`: `(height, width, 3)` uint8,
            `(height, width)` integers 0-255, and a string.

    Example:

    >>> image, labels = np.ones((2, 3, 3), "uint8"), np.zeros((2, 3), "uint8")
    >>> Memory([(image, labels, "a.png")]).load(0)["image"].shape
    TensorShape([2, 3, 3])
    """

    def __init__(self, samples):
        self.sizes = [labels.shape for _, labels, _ in samples]
        self.files = [file for _, _, file in samples]
        pixels = [height * width for height, width in self.sizes]
        starts = np.cumsum([0, *pixels])[:-1].astype("int64")
        # Ordinary memory, also where a GPU is present: tf.data runs on the CPU.
        with tf.device("/CPU:0"):
            self._images = tf.constant(
                np.concatenate([image.reshape(-1, 3) for image, _, _ in samples])
            )
            self._labels = tf.constant(
                np.concatenate(
                    [labels.reshape(-1).astype("uint8") for _, labels, _ in samples]
                )
            )
            self._starts = tf.constant(starts)
            self._shapes = tf.constant(np.array(self.sizes, "int64"))
            self._files = tf.constant(self.files)

    def load(self, index):
        """The sample dict of a number, as tensors."""
        start, shape = self._starts[index], self._shapes[index]
        stop = start + tf.reduce_prod(shape)
        image = tf.reshape(self._images[start:stop], [shape[0], shape[1], 3])
        labels = tf.reshape(self._labels[start:stop], shape)
        return {
            "image": tf.ensure_shape(image, [None, None, 3]),
            "labels": tf.cast(labels, tf.int32),
            "file": self._files[index],
        }
