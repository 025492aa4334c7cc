"""Checks of graphs and trees, on NumPy values.

`GraphLSTM` and `TreeLSTM` make them whenever they are called eagerly. Inside a traced
graph (`model.fit`, `tf.function`, `jax.jit`, an export) values are not known and
nothing can be raised: call these functions on your data once, before training.
"""

import numpy as np

from tfrecvis.ops.checks import as_array, check_integer
from tfrecvis.ops.shape_checks import check_integer_dtype, check_mask, check_shapes


def check_graph(neighbours, mask=None, confidence=None, order=None):
    """Refuse neighbour lists that describe no graph, and scores that give no order.

    Edges may be one-sided: a node reads the nodes of its own list.

    Args:
        neighbours: Integer array `(batch, nodes, neighbours)`, -1 for none.
        mask: Boolean array `(batch, nodes)`, True for a real node, or None.
        confidence: Float array `(batch, nodes)`, or None.
        order: Integer array `(batch, nodes)`, or None.

    Raises:
        ValueError: There are no nodes; an array is of another shape or type; a graph
            has no real node; a real node has an index out of range, itself, padding or
            one node twice among its neighbours; a real node has no edge at all
            although the graph has others; or a real node's confidence is NaN.

    Example:

    >>> check_graph([[[1, -1], [0, 2], [1, 3]]])
    Traceback (most recent call last):
    ValueError: `neighbours` must be nodes from 0 to 2, or -1 for none. Received: 3 as \
a neighbour of node 2 of graph 0.
    """
    neighbours, mask = _as_lists("neighbours", "neighbours", neighbours, mask, "graph")
    _check_lists("neighbours", "neighbour", neighbours, mask, "graph")
    _check_connected(_has_edge(neighbours, mask), mask)
    for name, values in (("confidence", confidence), ("order", order)):
        if values is None:
            continue
        values = as_array(name, values)
        check_shapes(mask=("batch nodes", mask), **{name: ("batch nodes", values)})
        for b, i in np.argwhere(np.isnan(values.astype("float64")) & mask):
            raise ValueError(
                f"`{name}` must not be NaN, which is neither before nor after any "
                f"other. Received: NaN for node {i} of graph {b}."
            )


def check_scales(neighbours, mask=None):
    """Refuse neighbour lists of several scales that describe no graph.

    A node may be without neighbours at a scale, but not at all of them.

    Args:
        neighbours: Integer array `(batch, nodes, scales, neighbours)`, or a list of
            one array `(batch, nodes, neighbours)` for each scale; -1 for none.
        mask: Boolean array `(batch, nodes)`, True for a real node, or None.

    Raises:
        ValueError: There is no scale, scales are of other graphs or nodes, or what
            `check_graph` refuses, for the list of any scale.

    Example:

    >>> check_scales([[[[1], [0]]], [[[1], [1]]]])
    Traceback (most recent call last):
    ValueError: A node cannot be its own neighbour. Received: node 1 of graph 0 in its \
own `neighbours[1]`.
    """
    if not isinstance(neighbours, (list, tuple)):
        neighbours = as_array("neighbours", neighbours)
        check_stacked(neighbours)
        neighbours = list(np.moveaxis(neighbours, 2, 0))
    scales = [
        _as_lists(f"neighbours[{scale}]", "neighbours", lists, mask, "graph")
        for scale, lists in enumerate(neighbours)
    ]
    if not scales:
        raise ValueError("`neighbours` must have one scale or more. Received: none.")
    check_shapes(
        "All scales have the same graphs and nodes.",
        **{
            f"neighbours[{scale}]": (f"batch nodes neighbours_{scale}", lists)
            for scale, (lists, _) in enumerate(scales)
        },
    )
    touched = False
    for scale, (lists, real) in enumerate(scales):
        _check_lists(f"neighbours[{scale}]", "neighbour", lists, real, "graph")
        touched = touched | _has_edge(lists, real)
    _check_connected(touched, real)


def check_stacked(neighbours, **others):
    """Refuse the neighbours of several scales without an axis of scales.

    Args:
        neighbours: Integer tensor `(batch, nodes, scales, neighbours)`, or its shape.
        others: Further arguments and sizes of `check_shapes`.

    Example:

    >>> check_stacked((2, 5, 8))
    Traceback (most recent call last):
    ValueError: `neighbours` must have the shape (batch, nodes, scales, neighbours). \
Received: neighbours.shape=(2, 5, 8). It may also be a list of (batch, nodes, \
neighbours), one per scale. For one scale, pass [neighbours].
    """
    check_shapes(
        "It may also be a list of (batch, nodes, neighbours), one per scale. For one "
        "scale, pass [neighbours].",
        **others,
        neighbours=("batch nodes scales neighbours", neighbours),
    )


def check_adjacency(adjacency):
    """Refuse adjacency matrices that are not square, or hold more than zeros and ones.

    Example:

    >>> check_adjacency([[[0, 2], [2, 0]]])
    Traceback (most recent call last):
    ValueError: `adjacency` must hold zeros and ones, or booleans. Received: 2 for \
nodes 0 and 1 of graph 0.
    """
    adjacency = as_array("adjacency", adjacency)
    check_shapes(adjacency=("batch nodes nodes", adjacency))
    for b, i, j in np.argwhere((adjacency != 0) & (adjacency != 1)):
        raise ValueError(
            "`adjacency` must hold zeros and ones, or booleans. Received: "
            f"{adjacency[b, i, j]} for nodes {i} and {j} of graph {b}."
        )


def check_tree(children, mask=None, max_children=None):
    """Refuse lists of children that are no tree, or several.

    Args:
        children: Integer array `(batch, nodes, children)`, -1 for none.
        mask: Boolean array `(batch, nodes)`, True for a real node, or None.
        max_children: Integer, the most children that a node may have, or None.

    Raises:
        ValueError: There are no nodes; an array is of another shape or type; a tree has
            no real node; a real node has an index out of range, itself or padding among
            its children; a node has two parents, or more than `max_children` children;
            there is a cycle; or a graph has several roots.

    Example:

    >>> check_tree([[[1], [2], [0]]])
    Traceback (most recent call last):
    ValueError: A tree has no cycles. Received: node 2 of tree 0 is its own descendant.
    >>> check_tree([[[2, -1], [-1, -1], [-1, -1]]])
    Traceback (most recent call last):
    ValueError: A tree has one root. Received: nodes 0 and 1 of tree 0 have no parent. \
Give each tree a row of the batch, or join them under one node.
    """
    if max_children is not None:
        check_integer("max_children", max_children, least=0)
    children, mask = _as_lists("children", "children", children, mask, "tree")
    _check_lists("children", "child", children, mask, "tree")
    real = (children >= 0) & mask[..., None]
    if max_children is not None:
        for b, i in np.argwhere(real.sum(-1) > max_children):
            raise ValueError(
                f"A node has at most {max_children} children. Received: "
                f"{real[b, i].sum()} for node {i} of tree {b}."
            )
    parent = np.full(mask.shape, -1)
    tree, node, slot = np.nonzero(real)
    child = children[tree, node, slot]
    parent[tree, child] = node
    # Of two parents one was overwritten.
    for e in np.flatnonzero(parent[tree, child] != node):
        raise ValueError(
            f"A node of a tree has one parent. Received: node {child[e]} of tree "
            f"{tree[e]} is a child of node {node[e]} and of node "
            f"{parent[tree[e], child[e]]}."
        )
    # The ancestors 1, 2, 4, ... generations above: a tree has none left in the end.
    ancestor = parent
    for _ in range(int(mask.shape[1]).bit_length()):
        above = np.take_along_axis(ancestor, np.maximum(ancestor, 0), 1)
        ancestor = np.where(ancestor >= 0, above, -1)
    for b, i in np.argwhere(ancestor >= 0):
        raise ValueError(
            f"A tree has no cycles. Received: node {ancestor[b, i]} of tree {b} is its "
            "own descendant."
        )
    for b, roots in enumerate(mask & (parent < 0)):
        if roots.sum() > 1:
            first, second = np.flatnonzero(roots)[:2]
            raise ValueError(
                f"A tree has one root. Received: nodes {first} and {second} of tree "
                f"{b} have no parent. Give each tree a row of the batch, or join them "
                "under one node."
            )


def _has_edge(neighbours, mask):
    """Which nodes have a neighbour, or are one."""
    real = (neighbours >= 0) & mask[..., None]
    touched = real.any(-1)
    graph, node, slot = np.nonzero(real)
    touched[graph, neighbours[graph, node, slot]] = True
    return touched


def _check_connected(touched, mask):
    alone = mask.sum(1, keepdims=True) == 1
    for b, i in np.argwhere(mask & ~touched & ~alone):
        raise ValueError(
            f"Every node must have a neighbour. Received: node {i} of graph {b} has "
            "none and is no neighbour of another. Connect it, or mask it as padding."
        )


def _as_lists(name, one, lists, mask, whole):
    """Integer lists and a boolean mask, of shapes that fit."""
    lists = as_array(name, lists)
    lists_and_shape = {name: (f"batch nodes {one}", lists)}
    check_shapes("Pad short lists with -1.", **lists_and_shape)
    check_integer_dtype(name, lists)
    lists = lists.astype("int64")  # uint8 has no -1
    mask = np.ones(lists.shape[:2]) if mask is None else as_array("mask", mask)
    mask = mask.astype(bool)
    check_mask(mask, "node", f"{whole}s", **lists_and_shape)
    return lists, mask


def _check_lists(name, one, lists, mask, whole):
    nodes = lists.shape[1]
    # What the lists of padding hold does not matter.
    outside = ((lists < -1) | (lists >= nodes)) & mask[..., None]
    for b, i, k in np.argwhere(outside):
        raise ValueError(
            f"`{name}` must be nodes from 0 to {nodes - 1}, or -1 for none. Received: "
            f"{lists[b, i, k]} as a {one} of node {i} of {whole} {b}."
        )
    real = (lists >= 0) & mask[..., None]
    for b, i, _ in np.argwhere(real & (lists == np.arange(nodes)[:, None])):
        raise ValueError(
            f"A node cannot be its own {one}. Received: node {i} of {whole} {b} in its "
            f"own `{name}`."
        )
    targets = np.where(real, lists, 0)
    hidden = real & ~mask[np.arange(len(lists))[:, None, None], targets]
    for b, i, k in np.argwhere(hidden):
        raise ValueError(
            f"A padded node cannot be a {one}. Received: node {lists[b, i, k]}, which "
            f"the mask removes, in `{name}` of node {i} of {whole} {b}. Write -1 there."
        )
    ordered = np.sort(np.where(real, lists, -1), -1)
    twice = (ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)
    for b, i, k in np.argwhere(twice):
        raise ValueError(
            f"A {one} counts once. Received: node {ordered[b, i, k]} twice in "
            f"`{name}` of node {i} of {whole} {b}."
        )
