"""An LSTM in every pixel of a map, which reads its features at each step."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size, real_pixels
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops import LSTMDirection, lstm
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.stencil import project


@keras.saving.register_keras_serializable("tfrecvis")
class RolloutLSTM(keras.layers.Layer):
    """LSTM in every pixel of a map, which reads the same features at each step.

        i, f, g, o = split(W . x + U . h[t-1] + b)
        c[t] = sigmoid(f) * c[t-1] + sigmoid(i) * tanh(g)
        h[t] = sigmoid(o) * tanh(c[t])

    What differs between the steps of a pixel is its state: it can emit one thing after
    the other. `kernel` W, `recurrent_kernel` U and `bias` b pack the gates in the order
    i, f, g, o, as `keras.layers.LSTM` does; the forget bias starts at one. The features
    are projected once for all steps.

    Reference: Stewart and Andriluka, 2016, section 3 (https://arxiv.org/abs/1506.04878).
    Differs from the paper: forget and output gates are not tied, as they are in its
    published code.

    Args:
        units: Integer, units of the hidden and cell state.
        steps: Integer.

    Call arguments:
        maps: Float tensor `(batch, height, width, channels)`.
        training: Whether the hand-written backward pass is used.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, steps, units)`.

    Raises:
        ValueError: `units` or `steps` is not positive, or the inputs are no maps.

    Example:

    >>> RolloutLSTM(8, steps=5)(keras.ops.ones((2, 3, 4, 6))).shape
    TensorShape([2, 3, 4, 5, 8])
    """

    def __init__(self, units, steps, **kwargs):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_integer("steps", steps)
        self.units = units
        self.steps = steps
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, maps_shape):
        channels, gates = known_size("maps", maps_shape), 4 * self.units
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        self.kernel = self.add_weight(
            (channels, gates), "glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, gates), one_by_one("orthogonal"), name="recurrent_kernel"
        )
        self.bias = self.add_weight((gates,), forget_bias, name="bias")

    def call(self, maps, training=False):
        maps, _ = real_pixels(maps, None, self.compute_dtype)
        _, height, width, channels = ops.shape(maps)
        x = ops.reshape(maps, (-1, channels))  # (N, C): a pixel is a lane
        z = project(x, self.kernel) + self.bias
        lanes = ops.shape(z)[0]
        z = ops.broadcast_to(z[None], (self.steps, lanes, 4 * self.units))
        state = ops.zeros((lanes, self.units), self.compute_dtype)
        direction = LSTMDirection(z, self.recurrent_kernel, state, state)
        y, _, _ = lstm([direction], training=bool(training))[0]  # (T, N, U)
        y = ops.transpose(y, (1, 0, 2))
        return ops.reshape(y, (-1, height, width, self.steps, self.units))

    def compute_output_shape(self, maps_shape):
        return (*maps_shape[:3], self.steps, self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "steps": self.steps}
