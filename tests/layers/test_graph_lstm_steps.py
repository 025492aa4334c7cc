"""How many sequential steps GraphLSTM takes."""

import numpy as np
import tensorflow as tf
from reference import levels

from tfrecvis.data import superpixel_neighbours, superpixels
from tfrecvis.layers import GraphLSTM
from tfrecvis.ops import schedule

F, U = 3, 5


def grid_graph(rows, columns):
    """Neighbour lists of a grid in which diagonals alternate: about six neighbours."""
    neighbours = np.full((1, rows * columns, 6), -1)
    steps = ((0, 1), (1, 0), (1, 1), (0, -1), (-1, 0), (-1, -1))
    for r, c in np.ndindex(rows, columns):
        around = [(r + dr, c + dc) for dr, dc in steps]
        inside = [
            a * columns + b for a, b in around if 0 <= a < rows and 0 <= b < columns
        ]
        neighbours[0, r * columns + c, : len(inside)] = inside
    return neighbours


def test_thousand_nodes_take_few_steps(count_steps):
    neighbours = grid_graph(25, 40)
    confidence = np.random.default_rng(1).random((1, 1000))
    layer = GraphLSTM(2)
    layer(
        np.zeros((1, 1000, F), "float32"), neighbours=neighbours, confidence=confidence
    )
    depends = neighbours >= 0
    depends &= confidence[0][neighbours] > confidence[..., None]
    chain = levels.levels(neighbours[0], depends[0]).max() + 1
    assert chain < 30
    assert count_steps == [chain, levels.steps(neighbours, depends, 32)]
    assert count_steps[1] < 70


def test_thousand_superpixels_take_far_fewer_steps():
    row, column = np.indices((160, 160))
    image = np.stack([row, column, 40 * np.sin(row / 7) * np.sin(column / 9) + 99], -1)
    neighbours = superpixel_neighbours(superpixels(image, 1000))[None]
    nodes = neighbours.shape[1]
    assert 600 < nodes < 1200
    confidence = np.random.default_rng(1).random((1, nodes))
    before = confidence[0][neighbours] > confidence[..., None]
    found = schedule(neighbours, (neighbours >= 0) & before)
    assert int(found.steps) < 80


def test_graph_of_the_layer_does_not_grow_with_its_nodes():
    layer = GraphLSTM(U)
    sizes = []
    for rows in (40, 80):  # smaller zeros are constants, not operators
        neighbours = tf.constant(grid_graph(rows, 25))
        x = tf.zeros((1, rows * 25, F))
        graph = tf.function(lambda x, n: layer(x, neighbours=n))
        nodes = graph.get_concrete_function(x, neighbours).graph.as_graph_def().node
        sizes.append(len(nodes))
    assert sizes[0] == sizes[1]
