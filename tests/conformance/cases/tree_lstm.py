import numpy as np
from conformance.case import Case

from tfrecvis import layers


def tree(rng, batch, other):
    """Three leaves under two nodes; a longer chain above the root for `other`."""
    children = [[-1, -1], [-1, -1], [0, 1], [-1, -1], [3, 2]]
    children += [[-1, 4], [5, -1]] if other else []
    nodes = len(children)
    return {
        "features": rng.normal(size=(batch, nodes, 3)).astype("float32"),
        "children": np.repeat([children], batch, 0).astype("int32"),
    }


def masked(rng, batch, other):
    inputs = tree(rng, batch, other)
    mask = np.ones(inputs["children"].shape[:2], bool)
    mask[0, 3:] = False  # nodes 0 and 1 under node 2 are left
    return {**inputs, "mask": mask}


CASES = {
    "TreeLSTM, child_sum": Case(
        layers.TreeLSTM, {"units": 4, "return_state": True}, tree, variant=True
    ),
    # A matrix for each place of a child, a mask, and the root looked up.
    "TreeLSTM, n_ary": Case(
        layers.TreeLSTM,
        {"units": 4, "variant": "n_ary", "max_children": 3, "return_nodes": False},
        masked,
    ),
}
