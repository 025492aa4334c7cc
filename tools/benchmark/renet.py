"""ReNet beside four `keras.layers.LSTM` sweeps and the bare matrix products."""

import numpy as np

from tfrecvis.layers import ReNet
from tfrecvis.tools.benchmark.functions import layer_functions
from tfrecvis.tools.benchmark.peers import Sweeps
from tfrecvis.tools.benchmark.products import Product, product_functions

# (batch, height, width, channels, units)
CASES = ((8, 56, 56, 64, 128), (64, 28, 28, 32, 64))


def contender_functions(layer, case, jit_compile):
    """`(forward, training)` functions of a layer on random images.

    Example:

    >>> forward, _ = contender_functions(ReNet(4), (2, 3, 5, 6, 4), False)
    >>> forward().shape
    (2, 3, 5, 8)
    """
    images = np.random.default_rng(0).normal(size=case[:4]).astype("float32")
    # Built on a corner: an eager call of the whole would count as the peak of memory.
    layer(images[:1, :2, :2])
    return layer_functions(layer, {"images": images}, jit_compile)


def products(case):
    """The matrix products of ReNet: in each of its sweeps, inputs and recurrence."""
    batch, height, width, channels, units = case
    found = []
    for steps, lanes, features in (
        (height, batch * width, channels),
        (width, batch * height, 2 * units),
    ):
        found += 2 * [
            Product(steps * lanes, features, 4 * units),
            Product(lanes, units, 4 * units, steps),
        ]
    return found


def contenders(case, jit_compile):
    """Every function that the race compares, under `(name, pass)`.

    Example:

    >>> len(contenders((2, 3, 5, 6, 4), jit_compile=False))
    6
    """
    pairs = {
        "tfrecvis": contender_functions(ReNet(case[-1]), case, jit_compile),
        "keras": contender_functions(Sweeps(case[-1]), case, jit_compile),
        "matrix_products": product_functions(products(case), jit_compile),
    }
    return {
        (name, passes): function
        for name, pair in pairs.items()
        for passes, function in zip(("forward", "training"), pair, strict=True)
    }
