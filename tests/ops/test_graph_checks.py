import numpy as np
import pytest

from tfrecvis import ops

PATH = [[1, -1], [0, 2], [1, -1]]


def test_graphs_and_trees_that_are_right_pass():
    ops.check_graph([PATH, PATH], confidence=np.zeros((2, 3)), order=[[0, 1, 2]] * 2)
    ops.check_graph([[[-1], [0], [1]]])  # one-sided edges
    ops.check_graph([[[-1]]])  # a single node
    ops.check_graph([[[-1], [9]]], [[True, False]], [[0.5, np.nan]])  # padding
    ops.check_tree([[[-1, -1], [0, 2], [-1, -1]]], max_children=2)
    ops.check_tree([[[-1], [0], [1]], [[1], [-1], [7]]], [[1, 1, 1], [1, 1, 0]])
    ops.check_adjacency([[[0, 1], [1, 0]]])
    ops.check_graph(np.array([[[1], [0]]], "uint8"))


def test_scales_may_be_stacked_or_a_list():
    ring = np.array([[[1, 4], [2, 0], [3, 1], [4, 2], [0, 3]]] * 2)
    across = np.array([[[2], [3], [4], [0], [1]]] * 2)
    ops.check_scales([ring, across])
    ops.check_scales(np.stack([ring, ring], 2))
    stacked = np.stack([ring, ring], 2)
    stacked[1, 4, 1, 0] = 5
    with pytest.raises(ValueError, match=r"`neighbours\[1\]` .* node 4 of graph 1"):
        ops.check_scales(stacked)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ([], r"one scale or more"),
        (np.zeros((2, 3, 0, 4), int), r"one scale or more"),
        (np.array([PATH]), r"shape=\(1, 3, 2\).* For one scale, pass \[neighbours\]"),
        ([[PATH], [PATH[:2]]], r"\(1, 2, 2\), .*\(1, 3, 2\).*same graphs and nodes"),
        ([[PATH], [[[1], [0, 2]]]], r"`neighbours\[1\]` must be .* rows of one length"),
        (None, "Received: neighbours=None"),
    ],
)
def test_scales_that_do_not_fit_are_refused(scales, message):
    with pytest.raises(ValueError, match=message):
        ops.check_scales(scales)


@pytest.mark.parametrize("adjacency", [[[0, 2], [1, 0]], [[[0, 1]]], [[[[0]]]]])
def test_matrix_of_another_shape_is_refused(adjacency):
    with pytest.raises(ValueError, match="must have the shape .* adjacency.shape="):
        ops.check_adjacency(adjacency)


@pytest.mark.parametrize("most", ["2", 1.5, True, -1])
def test_most_children_of_another_type_are_refused(most):
    with pytest.raises(ValueError, match=f"`max_children` must .*={most!r}"):
        ops.check_tree([PATH], max_children=most)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"neighbours": PATH},
            r"\(batch, nodes, neighbours\).* Pad short lists with -1",
        ),
        ({"neighbours": [[[0.5]]]}, "must be integers. .*dtype=float64"),
        ({"neighbours": [[[1], [0, 2]]]}, "rows of one length. .* Pad short rows"),
        ({"neighbours": None}, "Received: neighbours=None"),
        ({"neighbours": [PATH], "mask": [[1, 1], [1]]}, "`mask` must .* one length"),
        ({"neighbours": [PATH], "order": [["a"] * 3]}, "`order` must be .* numbers"),
        ({"neighbours": np.zeros((1, 0, 2), int)}, "at least one node"),
        (
            {"neighbours": [PATH], "mask": [[1, 1]]},
            r"`mask` must .* mask.shape=\(1, 2\)",
        ),
        (
            {"neighbours": [PATH], "mask": [[0, 0, 0]]},
            r"removes every node of graphs \[0\]",
        ),
        (
            {"neighbours": [PATH], "confidence": [[1, 1]]},
            "`confidence` must have the shape",
        ),
        (
            {"neighbours": [PATH], "order": [[1, 1]]},
            "`order` must have the shape",
        ),
    ],
)
def test_arrays_that_fit_no_graph_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.check_graph(**arguments)


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ([[1, -1], [1, -1]], "cannot be its own child. Received: node 1 of tree 0"),
        (
            [[2, -1], [-1, -1]],
            "from 0 to 1, or -1 .* Received: 2 as a child of node 0 of tree 0",
        ),
        ([[-3, -1], [-1, -1]], "Received: -3 as a child of node 0 of tree 0"),
        ([[1, 1], [-1, -1]], "A child counts once. Received: node 1 twice"),
        (
            [[2, -1], [2, -1], [-1, -1]],
            "one parent. Received: node 2 of tree 0 is a child of node 0 and of node 1",
        ),
        ([[1, -1], [0, -1]], "no cycles. Received: node . of tree 0 is its own desc"),
        (
            [[1, -1], [2, -1], [3, -1], [1, -1], [-1, -1]],
            "one parent. Received: node 1 of tree 0 is a child of node 0 and of node 3",
        ),
        (
            [[-1, -1], [2, -1], [3, -1], [4, -1], [1, -1]],
            "no cycles. Received: node [1234] of tree 0 is its own descendant",
        ),
        (
            [[-1, -1], [-1, -1]],
            "one root. Received: nodes 0 and 1 of tree 0 have no pa",
        ),
    ],
)
def test_children_that_are_no_tree_say_where(children, message):
    with pytest.raises(ValueError, match=message):
        ops.check_tree([children])


def test_long_chain_and_long_cycle_are_told_apart():
    for nodes in (63, 64, 65):
        chain = np.arange(-1, nodes - 1).reshape(1, nodes, 1)
        ops.check_tree(chain)
        chain[0, 0] = nodes - 1
        with pytest.raises(ValueError, match="A tree has no cycles"):
            ops.check_tree(chain)


def test_more_children_than_allowed_are_refused():
    with pytest.raises(ValueError, match="at most 1 children. Received: 2 for node 2"):
        ops.check_tree([[[-1, -1], [-1, -1], [0, 1]]], max_children=1)


def test_padded_child_and_tree_of_padding_are_refused():
    with pytest.raises(
        ValueError, match="padded node cannot be a child. .* node 0, whi"
    ):
        ops.check_tree([[[-1], [0]]], [[False, True]])
    with pytest.raises(ValueError, match=r"removes every node of trees \[0\]"):
        ops.check_tree([[[-1], [0]]], [[False, False]])
