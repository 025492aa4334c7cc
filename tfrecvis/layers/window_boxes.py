"""The boxes of each class that the windows of an image tell."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.checks import check_given
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class WindowBoxes(keras.layers.Layer):
    """Boxes of each class from the edges that each window tells.

    With (x, y) the corner of a window, w and h its sides, and e the edges of a class:

        x1 = x + w e[0],  y1 = y + h e[1],  x2 = x + w e[2],  y2 = y + h e[3]

    so that (0, 0, 1, 1) is the window. Boxes are cut to the image, edges that are
    swapped are put in order, and no gradient passes.

    Reference: Sermanet et al., 2014, section 4 (https://arxiv.org/abs/1312.6229).

    Call arguments:
        edges: Float tensor `(batch, windows, 4 * classes)`.
        windows: Float tensor `(windows, 4)`, xyxy, absolute pixels.
        images: Tensor `(batch, height, width, channels)`, of which only the size is
            read.

    Input shape: `(batch, windows, 4 * classes)`; windows may be None.
    Output shape: `(batch, windows, classes, 4)`, float32, xyxy, absolute pixels.

    Raises:
        ValueError: The shapes do not fit.

    Example:

    >>> boxes = WindowBoxes()(
    ...     ops.convert_to_tensor([[[0.0, 0.0, 1.0, 0.5]]]),
    ...     windows=ops.convert_to_tensor([[4.0, 0.0, 12.0, 8.0]]),
    ...     images=ops.ones((1, 20, 10, 3)),
    ... )
    >>> ops.convert_to_numpy(boxes).tolist()
    [[[[4.0, 0.0, 10.0, 4.0]]]]
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, edges, windows, images):
        self._check(edges, windows, images)
        _, height, width, _ = ops.shape(images)
        batch, count, channels = ops.shape(edges)
        edges = ops.stop_gradient(ops.cast(edges, "float32"))
        edges = ops.reshape(edges, (batch, count, channels // 4, 2, 2))
        windows = ops.stop_gradient(ops.cast(windows, "float32"))
        low, sides = (
            x[:, None, None] for x in (windows[:, :2], windows[:, 2:] - windows[:, :2])
        )
        limit = ops.cast(ops.stack([width, height]), "float32")
        corners = ops.clip(low + sides * edges, 0, limit)
        first, second = corners[..., 0, :], corners[..., 1, :]
        return ops.concatenate(
            [ops.minimum(first, second), ops.maximum(first, second)], -1
        )

    def _check(self, edges, windows, images):
        for name, value in (("windows", windows), ("images", images)):
            check_given(name, value, f"Use `layer(edges, ..., {name}={name})`.")
        check_shapes(
            edges=("batch windows edges", edges),
            windows=("windows 4", windows),
            images=("batch height width channels", images),
        )
        if known_size("edges", edges.shape) % 4:
            raise ValueError(
                "`edges` must have four channels for each class. Received: "
                f"edges.shape={tuple(edges.shape)}."
            )

    def compute_output_shape(self, edges_shape):
        return (*edges_shape[:2], edges_shape[2] // 4, 4)

    def compute_output_spec(self, edges, windows, images):
        self._check(edges, windows, images)
        return keras.KerasTensor(self.compute_output_shape(edges.shape), "float32")
