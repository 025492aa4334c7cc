import numpy as np
from conformance.case import Case

from tfrecvis import layers


def graph(rng, batch, other, features):
    """A ring of nodes, each with one neighbour on both sides and -1 beside them."""
    nodes = 6 if other else 4
    ring = np.arange(nodes)
    lists = np.stack([(ring - 1) % nodes, np.full(nodes, -1), (ring + 1) % nodes], -1)
    return {
        "features": rng.normal(size=(batch, nodes, features)).astype("float32"),
        "neighbours": np.repeat(lists[None], batch, 0).astype("int32"),
        "confidence": rng.random((batch, nodes)).astype("float32"),
    }


def stacked(rng, batch, other):
    inputs = graph(rng, batch, other, features=5)
    shape = (*inputs["features"].shape[:2], 5)
    state = [rng.normal(size=shape).astype("float32") for _ in range(2)]
    return {**inputs, "initial_state": state}


def adjacent(rng, batch, other):
    inputs = graph(rng, batch, other, features=3)
    lists, nodes = inputs["neighbours"], inputs["features"].shape[1]
    return {
        "features": inputs["features"],
        "adjacency": (lists[..., None] == np.arange(nodes)).any(2),
        "order": np.argsort(inputs["confidence"], -1).astype("int32"),
        "initial_state": [inputs["features"]] * 2,
        "mask": np.ones(lists.shape[:2], bool),
    }


CASES = {
    # It sorts the confidences, and has a residual path and three outputs.
    "GraphLSTM, confidence": Case(
        layers.GraphLSTM, {"units": 5, "residual": True, "return_state": True}, stacked
    ),
    "GraphLSTM, adjacency": Case(
        layers.GraphLSTM, {"units": 3}, adjacent, variant=True
    ),
}
