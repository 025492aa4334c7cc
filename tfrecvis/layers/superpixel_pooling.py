"""From pixels to superpixels and back."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists
from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_integer_dtype, check_mask, check_shapes


def _check_labels(labels, count, **inputs):
    """Refuse labels of another type or shape, and, eagerly, those of no node."""
    hint = "Use `layer(images, labels=labels)`, or nodes in place of images."
    check_given("labels", labels, hint)
    check_shapes(
        "Labels are one integer per pixel. Where images have another size, resize "
        "labels to the nearest pixel, or images bilinearly.",
        **inputs,
        labels=("batch height width", labels),
    )
    check_integer_dtype("labels", labels)
    values = concrete_value(labels)
    if values is None or not values.size or count is None:
        return
    if values.max() >= count or values.min() < -1:
        raise ValueError(
            f"`labels` must be from 0 to {count - 1}, or -1 for none. Received: labels "
            f"from {values.min()} to {values.max()}."
        )


@keras.saving.register_keras_serializable("tfrecvis")
class SuperpixelPooling(TakesLists, keras.layers.Layer):
    """The mean of the features of each superpixel's pixels.

        nodes[n] = mean(images[pixel] over all pixels with labels[pixel] = n)

    A superpixel without pixels has zeros; pixels of label -1 belong to none. Sums are
    float32 under every precision policy. While a graph is traced, labels cannot be
    checked: pixels of a label that is no superpixel then count as of none.

    Args:
        num_nodes: Integer, superpixels of an image, padding among them.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        labels: Integer tensor `(batch, height, width)`, the superpixel of each pixel.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, num_nodes, channels)`.

    Raises:
        ValueError: `num_nodes` is not positive, or the labels do not fit.

    Example:

    >>> images = keras.ops.reshape(keras.ops.arange(4.0), (1, 2, 2, 1))
    >>> labels = keras.ops.convert_to_tensor([[[0, 0], [1, -1]]])
    >>> nodes = SuperpixelPooling(3)(images, labels=labels)
    >>> [float(n) for n in nodes[0, :, 0]]
    [0.5, 2.0, 0.0]
    """

    def __init__(self, num_nodes, **kwargs):
        super().__init__(**kwargs)
        check_integer("num_nodes", num_nodes)
        self.num_nodes = num_nodes
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images, labels):
        spec = "batch height width channels"
        _check_labels(labels, self.num_nodes, images=(spec, images))
        batch, rows, columns, channels = ops.shape(images)
        count = batch * self.num_nodes
        labels = ops.cast(labels, "int32")
        first = ops.arange(batch, dtype="int32")[:, None, None] * self.num_nodes
        some = (labels >= 0) & (labels < self.num_nodes)
        # The last row takes what belongs to no superpixel.
        places = ops.where(some, labels + first, count)
        places = ops.reshape(places, (batch * rows * columns,))
        x = ops.cast(images, "float32")
        x = ops.concatenate([x, ops.ones_like(x[..., :1])], -1)
        x = ops.reshape(x, (batch * rows * columns, channels + 1))
        sums = ops.segment_sum(x, places, num_segments=count + 1)[:-1]
        sums = ops.reshape(sums, (batch, self.num_nodes, channels + 1))
        means = sums[..., :-1] / ops.maximum(sums[..., -1:], 1)
        return ops.cast(means, self.compute_dtype)

    def compute_output_shape(self, images_shape):
        return (images_shape[0], self.num_nodes, images_shape[-1])

    def get_config(self):
        return {**super().get_config(), "num_nodes": self.num_nodes}


@keras.saving.register_keras_serializable("tfrecvis")
class SuperpixelUnpooling(TakesLists, keras.layers.Layer):
    """Each pixel gets the features of its superpixel; those of label -1 get zeros.

    While a graph is traced, labels cannot be checked: pixels of a label that is no
    superpixel then get zeros too.

    Call arguments:
        nodes: Float tensor `(batch, nodes, features)`.
        labels: Integer tensor `(batch, height, width)`, the superpixel of each pixel.

    Input shape: `(batch, nodes, features)`; nodes may be None.
    Output shape: `(batch, height, width, features)`.

    Raises:
        ValueError: The labels do not fit.

    Example:

    >>> nodes = keras.ops.convert_to_tensor([[[5.0], [7.0]]])
    >>> labels = keras.ops.convert_to_tensor([[[0, 0], [1, -1]]])
    >>> pixels = SuperpixelUnpooling()(nodes, labels=labels)
    >>> keras.ops.convert_to_numpy(pixels[0, ..., 0]).tolist()
    [[5.0, 5.0], [7.0, 0.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, nodes, labels):
        inputs = {"nodes": ("batch nodes features", nodes)}
        check_mask(None, "superpixel", "images", **inputs)
        _check_labels(labels, nodes.shape[1], **inputs)
        labels = ops.cast(labels, "int32")  # uint8 could not be compared with 300
        some = (labels >= 0) & (labels < ops.shape(nodes)[1])
        pixels = gather_nodes(nodes, labels)
        return ops.where(some[..., None], pixels, ops.zeros_like(pixels))

    def compute_mask(self, nodes, previous_mask=None):
        return None  # no pixel belongs to a padded node

    def compute_output_shape(self, nodes_shape, labels_shape):
        return (*labels_shape, nodes_shape[-1])
