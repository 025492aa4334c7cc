"""Every layer beside its matrix products, its cell one by one, and Keras' nearest."""

import contextlib
import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from tfrecvis import layers
from tfrecvis.ops.levels import schedule
from tfrecvis.tools.benchmark.loops import GridLoop, PixelLoop, one_node_a_step
from tfrecvis.tools.benchmark.peers import (
    Sweeps,
    convolutional,
    each_pixel_again,
    lstm_of_keras,
    pixels_in_a_row,
)
from tfrecvis.tools.benchmark.products import Product

BATCH, UNITS = 8, 32
GATES = 4 * UNITS


def halved(inputs):
    """Images, maps and sequences of half the length along each axis.

    Example:

    >>> halved({"images": np.ones((8, 28, 28, 3)), "hidden": np.ones((8, 32))})[
    ...     "images"].shape
    (8, 14, 14, 3)
    """
    return keras.tree.map_structure(
        lambda x: x[(slice(None), *(slice(n // 2) for n in x.shape[1:-1]))], inputs
    )


class Case(NamedTuple):
    """A layer at one size, and what it races.

    Fields:
        layer: Function that makes the layer.
        inputs: Function that makes its call arguments by name.
        steps: Function of the call arguments: how many steps wait for each other.
        products: List of `Product`.
        one_by_one: Function that makes the peer that visits one pixel, block or node a
            step; or None.
        keras: Function that makes the nearest layer of Keras, or None.
        keras_inputs: Function of the call arguments that makes those of Keras' layer.
        one_node: Whether `one_by_one` is to be traced in `one_node_a_step`.
        half: Function of the call arguments that makes those of half the size.

    Example:

    >>> CASES["MDLSTM 28x28"].steps(None)
    55
    """

    layer: Callable
    inputs: Callable
    steps: Callable
    products: list
    one_by_one: Callable | None = None
    keras: Callable | None = None
    keras_inputs: Callable = lambda inputs: inputs
    one_node: bool = False
    half: Callable = halved

    def tracing(self):
        """The context in which `one_by_one` is traced."""
        return one_node_a_step() if self.one_node else contextlib.nullcontext()


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def images(height, width, channels=UNITS):
    return {"images": draw(BATCH, height, width, channels)}


def sequences(steps, features=UNITS):
    return {"sequences": draw(BATCH, steps, features)}


def always(steps):
    """The same number of steps for all inputs."""
    return lambda _: steps


def steps_of_graph(inputs):
    """Steps of GraphLSTM."""
    neighbours, confidence = inputs["neighbours"], inputs["confidence"]
    theirs = np.take_along_axis(
        confidence[:, :, None], np.maximum(neighbours, 0), axis=1
    )
    return int(schedule(neighbours, theirs > confidence[:, :, None]).steps)


def steps_of_tree(inputs):
    """Steps of TreeLSTM."""
    return int(schedule(inputs["children"], inputs["children"] >= 0).steps)


def nodes_alone(inputs):
    """The nodes' features as a sequence."""
    return {"sequences": inputs["features"]}


def both_ways(steps, lanes, features):
    """The products of a bidirectional sweep."""
    return 2 * [
        Product(steps * lanes * BATCH, features, GATES),
        Product(lanes * BATCH, UNITS, GATES, steps),
    ]


def hexagons(height, width):
    """A planar graph of degree 6 like that of superpixels, with random confidence."""
    index = np.arange(height * width).reshape(height, width)
    padded = np.pad(index, 1, constant_values=-1)
    places = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (-1, 1)]
    neighbours = [
        padded[1 + r : 1 + r + height, 1 + c : 1 + c + width].ravel() for r, c in places
    ]
    shape = (BATCH, height * width)
    return {
        "features": draw(*shape, UNITS),
        "neighbours": np.tile(np.stack(neighbours, -1), (BATCH, 1, 1)).astype("int32"),
        "confidence": np.random.default_rng(1).random(shape).astype("float32"),
    }


def binary_trees(levels):
    """Complete binary trees; the root is the last node."""
    nodes = 2**levels - 1
    children = np.full((nodes, 2), -1)
    leaves = 2 ** (levels - 1)
    for number, node in enumerate(range(leaves, nodes)):
        children[node] = 2 * number, 2 * number + 1
    return {
        "features": draw(BATCH, nodes, UNITS),
        "children": np.tile(children, (BATCH, 1, 1)).astype("int32"),
    }


def md(size):
    pixels = size * size * BATCH
    steps = 2 * size - 1
    return Case(
        lambda: layers.MDLSTM(UNITS),
        functools.partial(images, size, size),
        always(steps),
        4
        * [
            Product(pixels, UNITS, 5 * UNITS),
            Product(size * BATCH, 2 * UNITS, 5 * UNITS, steps),
        ],
        lambda: PixelLoop("md", UNITS),
        pixels_in_a_row(UNITS, 2),
    )


def diagonal(size):
    pixels = size * size * BATCH
    steps = 2 * size - 1
    return Case(
        lambda: layers.DiagonalBiLSTM(UNITS),
        functools.partial(images, size, size),
        always(steps),
        2
        * [
            Product(pixels, UNITS, GATES),
            Product(size * BATCH, 2 * UNITS, GATES, steps),
        ],
        lambda: PixelLoop("diagonal", UNITS),
        pixels_in_a_row(UNITS, 1),
    )


def neighbour_products(positions, reads, depth):
    """Two sets of gates, from `reads` hidden states at every position and layer."""
    return 2 * depth * [Product(positions, reads * UNITS, GATES)]


def scales(height, width):
    """Superpixels with their neighbours, and with those among every fourth one."""
    graph = hexagons(height, width)
    near = graph["neighbours"]
    far = np.where(near % 4 == 0, near, -1)
    return {"features": graph["features"], "neighbours": [near, far]}


def attended():
    """Annotations of a 14x14 map, and what attends to them."""
    return {"annotations": draw(BATCH, 196, UNITS), "hidden": draw(BATCH, UNITS)}


def query_and_values(inputs):
    """The same, for attention in Keras."""
    return {"inputs": [inputs["hidden"][:, None], inputs["annotations"]]}


def attention_products():
    """Projections, scores and gate."""
    return [
        Product(196 * BATCH, UNITS, UNITS),
        Product(196 * BATCH, UNITS, 1),
        Product(BATCH, UNITS, UNITS),
        Product(BATCH, UNITS, UNITS),
    ]


PIXELS = 28 * 28 * BATCH

CASES = {
    "ReNet 28x28": Case(
        lambda: layers.ReNet(UNITS),
        lambda: images(28, 28),
        always(28 + 28),
        both_ways(28, 28, UNITS) + both_ways(28, 28, 2 * UNITS),
        keras=lambda: Sweeps(UNITS),
    ),
    "RowLSTM 28x28": Case(
        lambda: layers.RowLSTM(UNITS),
        lambda: images(28, 28),
        always(28),
        [
            Product(PIXELS, 2 * UNITS, GATES),
            Product(28 * BATCH, 3 * UNITS, GATES, steps=28),
        ],
        lambda: PixelLoop("row", UNITS),
        lambda: keras.layers.ConvLSTM1D(
            UNITS, 3, padding="same", return_sequences=True
        ),
    ),
    "DiagonalBiLSTM 28x28": diagonal(28),
    "DiagonalBiLSTM 64x64": diagonal(64),
    "MDLSTM 28x28": md(28),
    "MDLSTM 64x64": md(64),
    "MaskedConv2D 28x28": Case(
        lambda: layers.MaskedConv2D(UNITS, 3),
        lambda: images(28, 28),
        always(1),
        [Product(PIXELS, 5 * UNITS, UNITS)],
        keras=lambda: keras.layers.Conv2D(UNITS, 3, padding="same"),
    ),
    "GridLSTM 64 steps, 8 layers": Case(
        lambda: layers.GridLSTM(UNITS, depth=8),
        lambda: sequences(64),
        always(64 + 8 - 1),
        [
            Product(64 * BATCH, UNITS, 2 * UNITS),
            Product(8 * BATCH, 2 * UNITS, 2 * GATES, steps=64 + 8 - 1),
        ],
        lambda: GridLoop(UNITS, depth=8),
        lstm_of_keras(UNITS, depth=8),
    ),
    "GraphLSTM 1000 nodes": Case(
        lambda: layers.GraphLSTM(UNITS),
        lambda: hexagons(25, 40),
        steps_of_graph,
        [
            Product(1000 * BATCH, UNITS, GATES),
            Product(1000 * BATCH, UNITS, 3 * UNITS),
        ],
        lambda: layers.GraphLSTM(UNITS),
        lstm_of_keras(UNITS),
        nodes_alone,
        one_node=True,
        half=lambda _: hexagons(25, 20),
    ),
    "TreeLSTM 1023 nodes": Case(
        lambda: layers.TreeLSTM(UNITS),
        lambda: binary_trees(10),
        steps_of_tree,
        [
            Product(1023 * BATCH, UNITS, GATES),
            Product(1023 * BATCH, UNITS, 3 * UNITS),
            Product(2 * 1023 * BATCH, UNITS, UNITS),
        ],
        lambda: layers.TreeLSTM(UNITS),
        lstm_of_keras(UNITS),
        nodes_alone,
        one_node=True,
        half=lambda _: binary_trees(9),
    ),
    "ContextualLSTM 64 steps": Case(
        lambda: layers.ContextualLSTM(UNITS, context_size=UNITS, return_sequences=True),
        lambda: {**sequences(64), "context": draw(BATCH, UNITS)},
        always(64),
        [
            Product(64 * BATCH, UNITS, GATES),
            Product(BATCH, UNITS, GATES),
            Product(BATCH, UNITS, GATES, steps=64),
        ],
        keras=lstm_of_keras(UNITS),
        keras_inputs=lambda inputs: {
            "sequences": np.concatenate(
                [
                    inputs["sequences"],
                    np.repeat(
                        inputs["context"][:, None], inputs["sequences"].shape[1], axis=1
                    ),
                ],
                -1,
            )
        },
    ),
    "FusionLSTM 28x28": Case(
        lambda: layers.FusionLSTM(UNITS),
        lambda: {"modalities": [images(28, 28)["images"]] * 2},
        always(28 + 28),
        2 * both_ways(28, 28, UNITS) + both_ways(28, 28, 4 * UNITS),
        keras=lambda: Sweeps(UNITS),
        keras_inputs=lambda inputs: {
            "images": np.concatenate(inputs["modalities"], -1)
        },
    ),
    "LocalGlobalLSTM 28x28, 2 layers": Case(
        lambda: layers.LocalGlobalLSTM(UNITS, depth=2),
        lambda: images(28, 28),
        always(2),
        neighbour_products(PIXELS, reads=1 + 8 + 9, depth=2),
        keras=convolutional(UNITS, depth=2),
    ),
    "RolloutLSTM 28x28, 5 steps": Case(
        lambda: layers.RolloutLSTM(UNITS, steps=5),
        lambda: images(28, 28),
        always(5),
        [Product(PIXELS, UNITS, GATES), Product(PIXELS, UNITS, GATES, steps=5)],
        keras=each_pixel_again(UNITS, steps=5),
    ),
    "PixelLSTM 28x28, 2 layers": Case(
        lambda: layers.PixelLSTM(UNITS, depth=2),
        lambda: images(28, 28),
        always(2),
        neighbour_products(PIXELS, reads=1 + 8, depth=2),
        keras=convolutional(UNITS, depth=2),
    ),
    "SuperpixelLSTM 1000 nodes, 2 layers": Case(
        lambda: layers.SuperpixelLSTM(UNITS, depth=2),
        lambda: scales(25, 40),
        always(2),
        neighbour_products(1000 * BATCH, reads=1 + 2, depth=2),
        keras=lstm_of_keras(UNITS),
        keras_inputs=nodes_alone,
        half=lambda _: scales(25, 20),
    ),
    "DrawRead 28x28 to 5x5": Case(
        lambda: layers.DrawRead(5),
        lambda: {**images(28, 28, channels=3), "hidden": draw(BATCH, UNITS)},
        always(1),
        [
            Product(BATCH, UNITS, 5),
            Product(5 * BATCH, 28, 28 * 3),
            Product(5 * BATCH, 28, 5 * 3),
        ],
        keras=lambda: keras.layers.Resizing(5, 5),
        keras_inputs=lambda inputs: {"images": inputs["images"]},
    ),
    "DrawWrite 5x5 to 28x28": Case(
        lambda: layers.DrawWrite((28, 28, 3), patch_size=5),
        lambda: {"hidden": draw(BATCH, UNITS)},
        always(1),
        [
            Product(BATCH, UNITS, 5 + 5 * 5 * 3),
            Product(28 * BATCH, 5, 5 * 3),
            Product(28 * BATCH, 5, 28 * 3),
        ],
        keras=lambda: keras.layers.Dense(28 * 28 * 3),
    ),
    "SoftAttention 14x14": Case(
        lambda: layers.SoftAttention(UNITS),
        attended,
        always(1),
        attention_products(),
        keras=lambda: keras.layers.AdditiveAttention(),
        keras_inputs=query_and_values,
    ),
    "HardAttention 14x14": Case(
        lambda: layers.HardAttention(UNITS, seed=0),
        attended,
        always(1),
        attention_products(),
        keras=lambda: keras.layers.AdditiveAttention(),
        keras_inputs=query_and_values,
    ),
}
