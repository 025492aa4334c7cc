"""The boxes that the second stage of a detector makes of its regions."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.boxes import clip_boxes, decode_boxes
from tfrecvis.ops.checks import check_given
from tfrecvis.ops.shape_checks import check_shapes

WEIGHTS = (10.0, 10.0, 5.0, 5.0)


@keras.saving.register_keras_serializable("tfrecvis")
class RegionBoxes(keras.layers.Layer):
    """Moves and sizes each region anew, for each class on its own.

        x = x_region + w_region * delta_x / 10        y likewise
        w = w_region * exp(delta_w / 5)               h likewise

    (x, y) is the centre. Boxes are cut to the image; no gradient passes.

    Reference: Girshick, 2015, section 2.1 (https://arxiv.org/abs/1504.08083); 10 and 5
    are the inverses of the standard deviations that its code divides targets by.

    Call arguments:
        deltas: Float tensor `(batch, regions, 4 * classes)`.
        regions: Float tensor `(batch, regions, 4)`, xyxy, absolute pixels; or
            `(regions, 4)`, such as anchors, for every image.
        images: Tensor `(batch, height, width, channels)`, of which only the size is
            read.

    Input shape: `(batch, regions, 4 * classes)`; regions may be None.
    Output shape: `(batch, regions, classes, 4)`, float32, xyxy, absolute pixels.

    Raises:
        ValueError: The shapes do not fit.

    Example:

    >>> boxes = RegionBoxes()(
    ...     ops.convert_to_tensor([[[5.0, 0.0, 0.0, 0.0]]]),
    ...     regions=ops.convert_to_tensor([[[0.0, 0.0, 10.0, 10.0]]]),
    ...     images=ops.zeros((1, 20, 12, 3)),
    ... )
    >>> ops.convert_to_numpy(boxes).tolist()
    [[[[5.0, 0.0, 12.0, 10.0]]]]
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, deltas, regions, images):
        self._check(deltas, regions, images)
        batch, height, width, _ = ops.shape(images)
        # Not of the deltas: where these were reshaped just before, tf2onnx makes one of
        # both reshapes, and reads the shape before it.
        count = ops.shape(regions)[-2]
        channels = deltas.shape[-1]
        deltas = ops.stop_gradient(ops.cast(deltas, "float32"))
        deltas = ops.reshape(deltas, (batch, count, channels // 4, 4))
        boxes = decode_boxes(deltas, ops.stop_gradient(regions)[..., None, :], WEIGHTS)
        return clip_boxes(boxes, height, width)

    def _check(self, deltas, regions, images):
        for name, value in (("regions", regions), ("images", images)):
            check_given(name, value, f"Use `layer(deltas, ..., {name}={name})`.")
        check_shapes(
            deltas=("batch regions channels", deltas),
            regions=("batch regions 4 | regions 4", regions),
            images=("batch height width image_channels", images),
        )
        if known_size("deltas", deltas.shape) % 4:
            raise ValueError(
                "`deltas` must have four channels for each class. Received: "
                f"deltas.shape={tuple(deltas.shape)}."
            )

    def compute_output_shape(self, deltas_shape):
        return (*deltas_shape[:2], deltas_shape[2] // 4, 4)

    def compute_output_spec(self, deltas, regions, images):
        self._check(deltas, regions, images)
        return keras.KerasTensor(self.compute_output_shape(deltas.shape), "float32")
