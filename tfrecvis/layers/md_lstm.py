"""MDLSTM: an LSTM in two dimensions, from one to four corners of an image."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size, real_pixels
from tfrecvis.layers.initial_values import one_by_one
from tfrecvis.ops import LSTMDirection
from tfrecvis.ops.checks import check_choice, check_integer
from tfrecvis.ops.diagonals import diagonal_lstm

# The axes of an image that a direction reads backwards.
BACKWARDS = {
    "down_right": (),
    "down_left": (2,),
    "up_right": (1,),
    "up_left": (1, 2),
}
CELLS = ("plain", "stable")
MERGE_MODES = ("concat", "sum")


@keras.saving.register_keras_serializable("tfrecvis")
class MDLSTM(keras.layers.Layer):
    """Two-dimensional LSTM: every pixel reads the pixel above and the one beside it.

    For the direction "down_right", whose output at a pixel sees all that is above and
    to the left of it:

        i, f_1, f_2, g, o = split(U_1 . h[r-1, c] + U_2 . h[r, c-1] + W . x[r, c] + b)
        m[r, c] = s(f_1) * m[r-1, c] + s(f_2) * m[r, c-1] + s(i) * tanh(g)
        h[r, c] = s(o) * tanh(m[r, c])                          s: the logistic function

    The memories of this cell can grow without bound, since the forget gates of both
    neighbours may be one. The stable cell keeps a share l of one and 1 - l of the other
    (gates i, f, l, g, o):

        m[r, c] = s(f) * (s(l) * m[r-1, c] + (1 - s(l)) * m[r, c-1]) + s(i) * tanh(g)

    The other directions are the same on the flipped image. All pixels of a diagonal
    advance at once, in all directions: height + width - 1 steps. Outside the image h
    and m are zero.

    Weights have a leading axis of directions: `kernel` `(directions, channels,
    5 * units)`, `recurrent_kernel` `(directions, 2 * units, 5 * units)`, U_1 first.

    Masked pixels are read as zeros and have the state of pixels outside the image, so
    that a padded image gives what the image alone gives, wherever its padding is.

    Reference: Graves et al., 2007 (https://arxiv.org/abs/0705.2011); Leifert et al.,
    2016 (https://arxiv.org/abs/1412.2620).

    Args:
        units: Integer, units of each direction.
        directions: Tuple of one to four of `"down_right"`, `"down_left"`, `"up_right"`
            and `"up_left"`.
        merge_mode: `"concat"` or `"sum"`, how the directions become one output.
        cell: `"plain"` or `"stable"`.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None.
        training: Whether the hand-written backward pass is used.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, units)`, the directions' side by side in the
        last axis with `merge_mode="concat"`.

    Raises:
        ValueError: A direction is unknown or given twice, the inputs are not images, or
            a mask removes every pixel of one.

    Example:

    >>> MDLSTM(8)(keras.ops.ones((2, 5, 7, 3))).shape
    TensorShape([2, 5, 7, 32])
    """

    def __init__(
        self,
        units,
        directions=("down_right", "down_left", "up_right", "up_left"),
        merge_mode="concat",
        cell="plain",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        if isinstance(directions, str):
            directions = (directions,)
        if (
            not isinstance(directions, (tuple, list))
            or not directions
            or not set(directions) <= set(BACKWARDS)
            or len(set(directions)) < len(directions)
        ):
            raise ValueError(
                "`directions` must be one to four different ones. Received: "
                f"directions={directions!r}. Use some of {tuple(BACKWARDS)}."
            )
        check_choice("merge_mode", merge_mode, MERGE_MODES)
        check_choice("cell", cell, CELLS)
        self.units = units
        self.directions = tuple(directions)
        self.merge_mode = merge_mode
        self.cell = cell
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape):
        channels = known_size("images", images_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        directions, gates = len(self.directions), 5 * self.units
        self.kernel = self.add_weight(
            (directions, channels, gates), one_by_one("glorot_uniform"), name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (directions, 2 * self.units, gates),
            one_by_one("glorot_uniform"),
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            (directions, gates), self._initial_bias, name="bias"
        )

    def _initial_bias(self, shape, dtype=None):
        # One for the stable cell's forget gate. Two forget gates of the plain cell that
        # stay near one would double the memory at every step.
        ones = [0, 1, 0, 0, 0] if self.cell == "stable" else [0] * 5
        gates = ops.cast(ones, dtype or "float32")
        return ops.broadcast_to(ops.repeat(gates, self.units), shape)

    def call(self, images, mask=None, training=False):
        x, mask = real_pixels(images, mask, self.compute_dtype)
        results = diagonal_lstm(
            [
                self._direction(number, x, mask)
                for number in range(len(self.directions))
            ],
            forget_gates=2,
            stable=self.cell == "stable",
            masked="zero",
            training=bool(training),
        )
        outputs = []
        for name, h in zip(self.directions, results, strict=True):
            h = ops.transpose(h, (2, 1, 0, 3))
            outputs.append(_flip(h, BACKWARDS[name]))
        if self.merge_mode == "concat":
            return ops.concatenate(outputs, -1)
        return sum(outputs[1:], outputs[0])

    def _direction(self, number, x, mask):
        """A direction on the columns `(W, H, B, channels)` of the flipped images."""
        flipped = BACKWARDS[self.directions[number]]

        def columns(x):
            return ops.transpose(_flip(x, flipped), (2, 1, 0, 3))

        return LSTMDirection(
            columns(x),
            self.recurrent_kernel[number],
            h=None,
            c=None,
            kernel=self.kernel[number],
            bias=self.bias[number],
            mask=None if mask is None else columns(mask),
        )

    def compute_output_shape(self, images_shape):
        copies = len(self.directions) if self.merge_mode == "concat" else 1
        return (*images_shape[:-1], copies * self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "directions": self.directions,
            "merge_mode": self.merge_mode,
            "cell": self.cell,
        }


def _flip(x, axes):
    return ops.flip(x, axes) if axes else x
