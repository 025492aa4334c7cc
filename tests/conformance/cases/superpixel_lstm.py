import numpy as np
from conformance.case import Case

from tfrecvis import layers


def inputs(rng, batch, other):
    nodes = 6 if other else 5
    ring = np.stack([np.roll(np.arange(nodes), 1), np.roll(np.arange(nodes), -1)], -1)
    ahead = np.stack([np.roll(np.arange(nodes), 2), np.full(nodes, -1)], -1)
    lists = np.stack([ring, ahead], 1).astype("int32")
    return {
        "features": rng.normal(size=(batch, nodes, 3)).astype("float32"),
        "neighbours": np.tile(lists, (batch, 1, 1, 1)),
    }


CASES = {
    "SuperpixelLSTM": Case(
        layers.SuperpixelLSTM,
        {"units": 2, "depth": 3, "tied": True},
        inputs,
        loop_of="PixelLSTM",
    )
}
