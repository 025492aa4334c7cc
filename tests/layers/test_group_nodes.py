"""Nodes come back to the graphs that they were taken from, in their order."""

import numpy as np
import pytest
from keras import ops

from tfrecvis.layers import GroupNodes


def test_grouping_undoes_taking_graphs_apart():
    features = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    nodes = ops.reshape(features, (-1, 1, 5))
    grouped = GroupNodes()(nodes, np.zeros((2, 3, 4)))
    np.testing.assert_array_equal(grouped, features)


def test_graphs_without_nodes_stay_empty():
    grouped = GroupNodes()(np.zeros((0, 1, 5)), np.zeros((2, 0, 4)))
    assert tuple(grouped.shape) == (2, 0, 5)


def test_nodes_that_are_not_graphs_of_their_own_are_refused():
    with pytest.raises(ValueError, match="expected ndim=3"):
        GroupNodes()(np.zeros((6, 5)), np.zeros((2, 3, 4)))
