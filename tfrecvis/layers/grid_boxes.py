"""Boxes of a detector's map: offsets from the cells of a grid and from priors."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.checks import check_integer, check_number

# The largest logarithm of a side's ratio to its prior: exp(6) is 400 times.
_LARGEST = 6.0


@keras.saving.register_keras_serializable("tfrecvis")
class GridBoxes(keras.layers.Layer):
    """Turns the last map of a YOLOv2 detector into boxes in pixels.

    With t the values of prior p, of sides `p_w`, `p_h`, in the cell of column i and row
    j, and s the stride:

        x = (sigmoid(t_x) + i) * s        w = p_w * exp(t_w)
        y = (sigmoid(t_y) + j) * s        h = p_h * exp(t_h)

    (x, y) is the centre of the box. Objectness and classes stay logits.

    Reference: Redmon and Farhadi, 2017, section 2 (https://arxiv.org/abs/1612.08242).
    Differs from the paper: t_w and t_h are cut off at 6.

    Args:
        priors: List of (width, height) in pixels.
        stride: Integer, side of a cell in pixels.

    Call arguments:
        maps: Float tensor `(batch, rows, columns, priors * (5 + classes))`; for each
            prior t_x, t_y, t_w, t_h, objectness, classes.

    Input shape: `(batch, rows, columns, priors * (5 + classes))`.
    Output shape: `(batch, rows, columns, priors, 5 + classes)`, float32.

    Raises:
        ValueError: an argument is out of range, or the channels do not divide by the
            number of priors.

    Example:

    >>> boxes = GridBoxes([(10, 20), (40, 30)], stride=16)(ops.zeros((1, 3, 4, 14)))
    >>> boxes.shape, ops.convert_to_numpy(boxes)[0, 1, 2, 1, :4].tolist()
    (TensorShape([1, 3, 4, 2, 7]), [40.0, 24.0, 40.0, 30.0])
    """

    def __init__(self, priors, stride, **kwargs):
        super().__init__(**kwargs)
        check_integer("stride", stride)
        self.priors = [tuple(float(side) for side in prior) for prior in priors]
        if not self.priors or any(len(prior) != 2 for prior in self.priors):
            raise ValueError(
                "`priors` must be a list of (width, height) in pixels. Received: "
                f"priors={priors!r}."
            )
        for prior in self.priors:
            for side in prior:
                check_number("priors", side, positive=True)
        self.stride = stride
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, maps_shape):
        channels = known_size("maps", maps_shape)
        if channels % len(self.priors) or channels // len(self.priors) < 6:
            raise ValueError(
                "`maps` must have (5 + classes) channels for each of the "
                f"{len(self.priors)} priors. Received: {channels} channels."
            )

    def call(self, maps):
        _, rows, columns, channels = ops.shape(maps)
        count = len(self.priors)
        t = ops.reshape(
            ops.cast(maps, "float32"), (-1, rows, columns, count, channels // count)
        )
        x = ops.cast(ops.arange(columns), "float32")[:, None]
        y = ops.cast(ops.arange(rows), "float32")[:, None, None]
        priors = ops.convert_to_tensor(self.priors, "float32")
        sides = priors * ops.exp(ops.minimum(t[..., 2:4], _LARGEST))
        return ops.concatenate(
            [
                ((ops.sigmoid(t[..., 0]) + x) * self.stride)[..., None],
                ((ops.sigmoid(t[..., 1]) + y) * self.stride)[..., None],
                sides,
                t[..., 4:],
            ],
            -1,
        )

    def compute_output_shape(self, maps_shape):
        *grid, channels = maps_shape
        return (*grid, len(self.priors), channels // len(self.priors))

    def compute_output_spec(self, maps):
        return keras.KerasTensor(self.compute_output_shape(maps.shape), "float32")

    def get_config(self):
        priors = [list(prior) for prior in self.priors]
        return {**super().get_config(), "priors": priors, "stride": self.stride}
