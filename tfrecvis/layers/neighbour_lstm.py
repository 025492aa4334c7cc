"""What the layers whose positions read their neighbours' states have in common."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists, check_images, known_size
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops.checks import check_flag, check_integer
from tfrecvis.ops.neighbour_lstm import (
    EIGHT_NEIGHBOURS,
    NeighbourWeights,
    from_neighbours,
    neighbour_lstm,
)
from tfrecvis.ops.stencil import project


class NeighbourLSTM(TakesLists, keras.layers.Layer):
    """Base of `PixelLSTM`, `LocalGlobalLSTM` and `SuperpixelLSTM`: their weights.

    A subclass calls `add_weights` in its `build` and `run` in its `call`.
    """

    def __init__(self, units, depth=5, tied=False, **kwargs):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_integer("depth", depth)
        check_flag("tied", tied)
        self.units = units
        self.depth = depth
        self.tied = tied
        self.supports_masking = True

    def add_weights(self, features, reads):
        """Weights for the number of states that a position reads."""
        gates = 4 * self.units
        self.input_kernel = self.add_weight(
            (features, gates), one_by_one("glorot_uniform"), name="input_kernel"
        )
        self.input_bias = self.add_weight((gates,), "zeros", name="input_bias")
        self.depth_kernel, self.depth_bias = self._add_gates("depth", self.depth, reads)
        self.spatial_kernel = self.spatial_bias = None
        if self.depth > 1:
            self.spatial_kernel, self.spatial_bias = self._add_gates(
                "spatial", self.depth - 1, reads
            )

    def _add_gates(self, name, layers, reads):
        layers, gates = 1 if self.tied else layers, 4 * self.units
        kernel = self.add_weight(
            (layers, reads * self.units, gates),
            one_by_one("glorot_uniform"),
            name=f"{name}_kernel",
        )
        return kernel, self.add_weight(
            (layers, gates), forget_bias, name=f"{name}_bias"
        )

    def run(self, x, arriving, directions, surroundings=None, mask=None):
        """All layers; see `neighbour_lstm`. `mask` is `(B, ..., 1)` or None."""
        if mask is not None:
            x = ops.where(mask, x, ops.zeros_like(x))
        weights = NeighbourWeights(
            self.depth_kernel, self.depth_bias, self.spatial_kernel, self.spatial_bias
        )
        return neighbour_lstm(
            project(x, self.input_kernel) + self.input_bias,
            weights,
            arriving,
            directions,
            self.depth,
            surroundings,
            mask,
        )

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "depth": self.depth,
            "tied": self.tied,
        }


class EightNeighbourLSTM(NeighbourLSTM):
    """Base of the two layers for images, which differ in what surrounds a pixel."""

    cells = 0  # states that every pixel reads besides its own and its neighbours'

    def __init__(self, units, depth=5, tied=False, **kwargs):
        super().__init__(units, depth, tied, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape):
        channels = known_size("images", images_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        self.add_weights(channels, 1 + len(EIGHT_NEIGHBOURS) + self.cells)

    def call(self, images, mask=None):
        check_images(images, mask)
        if mask is not None:
            mask = ops.cast(mask, "bool")
        return self.run(
            images,
            from_neighbours,
            len(EIGHT_NEIGHBOURS),
            self.surroundings(images, mask),
            None if mask is None else mask[..., None],
        )

    def surroundings(self, images, mask):
        """A function of the hidden states that returns `(B, cells * U)`.

        None here: a pixel reads nothing but its neighbours.
        """
