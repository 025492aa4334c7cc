"""The layers that every conformance test sweeps: one entry each.

Runs under every backend: `backend_run.py` reads this list under JAX.
"""

from typing import NamedTuple

import keras
import numpy as np

from tfrecvis import layers


class Case(NamedTuple):
    """A layer, every argument of it at another value than its default, and its input.

    Fields:
        layer: The class.
        arguments: Dict of constructor arguments; none at its default.
        size: Height, width, channels of an input, small and all different.
        other_size: Height, width of a second input.
    """

    layer: type
    arguments: dict
    size: tuple = (4, 6, 3)
    other_size: tuple = (3, 7)

    def make(self, **changes):
        """A layer with random weights, zeros and ones of its initialisers included."""
        layer = self.layer(**{**self.arguments, **changes})
        layer.build((None, None, None, self.size[-1]))
        rng = np.random.default_rng(5)
        trainable = layer.trainable_weights
        for weight in trainable:
            weight.assign(rng.normal(size=weight.shape, scale=0.5))
        return layer

    def make_without_noise(self, **changes):
        """A layer whose training step is a function of its input alone."""
        if "dropout" in self.arguments:
            changes["dropout"] = 0.0
        return self.make(**changes)

    def images(self, size=None, batch=2):
        shape = (batch, *(size or self.size[:2]), self.size[-1])
        return np.random.default_rng(6).normal(size=shape).astype("float32")

    def model(self, layer, size=(None, None)):
        inputs = keras.Input((*size, self.size[-1]))
        return keras.Model(inputs, layer(inputs))


CASES = {
    "ReNet, lstm": Case(
        layers.ReNet,
        {
            "units": 5,
            "patch_size": (2, 3),
            "dropout": 0.3,
            "learn_initial_state": True,
            "seed": 11,
        },
    ),
    "ReNet, gru": Case(layers.ReNet, {"units": 5, "cell": "gru"}),
}
