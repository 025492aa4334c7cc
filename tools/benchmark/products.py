"""The bare matrix products of a layer: what no implementation of it can do without."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from tfrecvis.ops import scan
from tfrecvis.tools.benchmark.functions import layer_functions


class Product(NamedTuple):
    """`(rows, inputs) . (inputs, outputs)`, `steps` times one after the other.

    Example:

    >>> Product(rows=8, inputs=3, outputs=12).steps
    1
    """

    rows: int
    inputs: int
    outputs: int
    steps: int = 1


class MatrixProducts(keras.layers.Layer):
    """The matrix products of a layer, or of it and its gradient, and nothing else.

    A product of one step is one matrix product. One of several steps waits for the one
    before it, as the recurrent product does; its gradient for the state does so too,
    and that for the kernel is one product after the loop.

    Example:

    >>> products = [Product(6, 3, 12), Product(2, 3, 12, steps=3)]
    >>> MatrixProducts(products, backward=True)(ops.ones((1,))).shape
    TensorShape([])
    """

    def __init__(self, products, backward, **kwargs):
        super().__init__(**kwargs)
        self.products = products
        self.backward = backward

    def build(self, _):
        self.tensors = [
            {
                name: self.add_weight(shape, "random_normal", trainable=False)
                for name, shape in {
                    "x": (p.rows * p.steps, p.inputs),
                    "dz": (p.rows * p.steps, p.outputs),
                    "first": (p.rows, p.inputs),
                    "first_dz": (p.rows, p.outputs),
                    "kernel": (p.inputs, p.outputs),
                }.items()
            }
            for p in self.products
        ]

    def call(self, scale):
        total = 0.0
        for p, t in zip(self.products, self.tensors, strict=True):
            # Scaled by an input, so that nothing is computed while compiling.
            kernel = t["kernel"] * scale
            if p.steps == 1:
                total += ops.matmul(t["x"], kernel)[0, 0]
            else:
                total += _repeat(t["first"], kernel, p.steps)
            if self.backward:
                back = ops.transpose(kernel)
                total += ops.matmul(ops.transpose(t["x"]) * scale, t["dz"])[0, 0]
                if p.steps == 1:
                    total += ops.matmul(t["dz"], back)[0, 0]
                else:
                    total += _repeat(t["first_dz"], back, p.steps)
        return total


def _repeat(x, kernel, steps):
    """`steps` products, each of the result of the last, cut or repeated to fit."""
    inputs, outputs = kernel.shape
    copies = -(-inputs // outputs)

    def step(carry, _):
        y = ops.matmul(carry[0], kernel)
        y = ops.concatenate([y] * copies, -1) if copies > 1 else y
        return (y[:, :inputs],), ()

    (last,), _ = scan(step, (ops.convert_to_tensor(x),), (ops.zeros((steps,)),))
    return last[0, 0]


def product_functions(products, jit_compile):
    """`(forward, training)` functions of only the products.

    Example:

    >>> forward, training = product_functions([Product(6, 3, 12)], jit_compile=False)
    >>> forward().shape, training().shape
    ((), ())
    """
    scale = {"scale": np.ones((1,), "float32")}
    return tuple(
        layer_functions(MatrixProducts(products, backward), scale, jit_compile)[0]
        for backward in (False, True)
    )
