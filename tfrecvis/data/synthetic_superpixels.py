"""Graphs of superpixels in which far-away nodes decide what a node is."""

import zlib

import numpy as np

from tfrecvis.data.problems import VOID
from tfrecvis.data.reader import Reader, remember
from tfrecvis.data.superpixels import superpixel_neighbours
from tfrecvis.ops.checks import check_integer

SEA, KINDS = 0, 3  # class 0, and the classes 1, 2 and 3 of islands


class SyntheticSuperpixels(Reader):
    """Islands of superpixels, each of a kind that only its beacon shows.

    An image is cut into the cells of random points; cells that touch are neighbours,
    numbered from left to right. Connected groups of them, apart from each other, are
    islands, the rest is sea. Every island is of one of three kinds. One of its nodes,
    the beacon, shows the kind; all its other nodes look alike, whatever the kind. The
    class of a node is 0 for sea and 1 to 3 for the kinds.

    Confidence is highest at the beacon and falls with the number of edges to it, with
    some noise; that of the sea is lowest. So a node that is visited after the
    neighbour that leads to the beacon can hear of the kind, and the sea, which comes
    last, carries nothing from one island to the next.

    What a model without edges can reach: sea and beacons, and one in three of the
    others (`local_accuracy`).

    Graphs are a pure function of split, number and seed, drawn when the set is made.
    As a reader, the set yields samples with the keys `features`, `neighbours`,
    `confidence`, `nodes`, `node_labels` (void at padding) and `file`, all padded to
    the same sizes; its arrays are there as well.

    Args:
        split: String, any name: different splits share no graph.
        count: Integer, graphs.
        nodes: Integer, the most nodes of a graph, 12 or more; there are up to a
            quarter fewer, and the rest is padding.
        seed: Integer >= 0.

    Attributes:
        inputs: Dict of what a `SuperpixelLabeller` takes: `features` float32 `(count,
            nodes, num_features)`; `neighbours` int32 `(count, nodes, most
            neighbours)`, padded with -1; `confidence` float32 and `mask` boolean
            `(count, nodes)`.
        labels: int32 `(count, nodes)`, 0 to 3; 0 at padding.

    Raises:
        ValueError: `count`, `nodes` or `seed` is too small.

    Example:

    >>> graphs = SyntheticSuperpixels("train", count=2, nodes=16)
    >>> graphs.inputs["features"].shape, graphs.num_classes
    ((2, 16, 6), 4)
    >>> graphs.load(0)["node_labels"].shape
    TensorShape([16])
    """

    num_classes = 1 + KINDS
    num_features = 6  # land, a beacon of each kind, two of noise
    max_neighbours = 12

    def __init__(self, split="train", count=500, nodes=40, seed=0):
        for name, value, least in (
            ("count", count, 1),
            ("nodes", nodes, 12),
            ("seed", seed, 0),
        ):
            check_integer(name, value, least)
        if not isinstance(split, str):
            raise ValueError(f"`split` must be a string. Received: split={split!r}.")
        super().__init__(["sea", *(f"island_{kind}" for kind in range(1, 1 + KINDS))])
        self.inputs = {
            "features": np.zeros((count, nodes, self.num_features), "float32"),
            "neighbours": np.full((count, nodes, self.max_neighbours), -1, "int32"),
            "confidence": np.zeros((count, nodes), "float32"),
            "mask": np.zeros((count, nodes), bool),
        }
        self.labels = np.zeros((count, nodes), "int32")
        name = zlib.crc32(split.encode())
        for number in range(count):
            self._draw(number, np.random.default_rng([name, seed, number]))
        remember(self, [self._sample(number, split, seed) for number in range(count)])

    @property
    def local_accuracy(self):
        """The share of nodes that a model without edges can be expected to name."""
        mask = self.inputs["mask"]
        shown = (self.labels == SEA) | (self.inputs["features"][..., 1:4] > 0.5).any(-1)
        return float((shown + (1 - shown) / KINDS)[mask].mean())

    def _sample(self, number, split, seed):
        arrays = {name: array[number] for name, array in self.inputs.items()}
        nodes = arrays.pop("mask")
        return {
            **arrays,
            "nodes": nodes,
            "node_labels": np.where(nodes, self.labels[number], VOID),
            "file": f"superpixels/{split}/{seed}/{number}",
        }

    def _draw(self, number, rng):
        most = self.labels.shape[1]
        lists = _cells(rng, rng.integers(most - most // 4, most + 1))
        count = len(lists)
        self.inputs["neighbours"][number, :count] = lists
        kinds, steps = _islands(rng, [set(row[row >= 0].tolist()) for row in lists])
        features = self.inputs["features"][number, :count]
        features[:, 0] = kinds > 0
        beacons = np.flatnonzero(steps == 0)
        features[beacons, kinds[beacons]] = 1
        features[:] += rng.normal(0, 0.1, features.shape)
        land = 1 / (2 + steps) + 0.3 + rng.uniform(0, 0.02, count)
        sea = rng.uniform(0, 0.2, count)
        self.inputs["confidence"][number, :count] = np.where(kinds > 0, land, sea)
        self.inputs["mask"][number, :count] = True
        self.labels[number, :count] = kinds


def _cells(rng, count):
    """The neighbours of each cell of random points, `superpixel_neighbours` of them."""
    # On a jittered grid of places, so that cells are of similar sizes.
    across = int(np.ceil(np.sqrt(count)))
    side = 6 * across  # pixels: no cell is so small that it has none
    places = rng.permutation(across * across)[:count]
    points = np.stack([places // across, places % across], -1)
    points = (points + rng.uniform(0.1, 0.9, points.shape)) * side / across
    points = points[np.argsort(points[:, 1])]  # from left to right
    y, x = np.mgrid[:side, :side]
    pixels = np.stack([y, x], -1)[:, :, None] + 0.5  # (H, W, 1, 2)
    cells = [((row - points) ** 2).sum(-1).argmin(-1) for row in pixels]
    return superpixel_neighbours(np.stack(cells), SyntheticSuperpixels.max_neighbours)


def _islands(rng, neighbours):
    """Class of each node, and edges from it to its island's beacon; -1 at sea."""
    count = len(neighbours)
    kinds, steps = np.zeros(count, int), np.full(count, -1)
    free = set(range(count))
    while len(free) > count // 4:
        size = int(rng.integers(3, max(4, count // 3)))
        beacon = int(rng.choice(sorted(free)))
        island, distance = [beacon], {beacon: 0}
        # Long islands: grow from the node that was added last, where it can.
        while len(island) < size:
            grown = next(
                (
                    (node, other)
                    for node in reversed(island)
                    for other in rng.permutation(sorted(neighbours[node] & free))
                    if other not in distance
                ),
                None,
            )
            if grown is None:
                break
            node, other = grown[0], int(grown[1])
            distance[other] = distance[node] + 1
            island.append(other)
        shore = set().union(*(neighbours[node] for node in island)) - set(island)
        free -= {*island, *shore}
        if len(island) == 1:
            continue
        kinds[island] = rng.integers(1, KINDS + 1)
        steps[island] = _edges_to(beacon, neighbours, set(island))[island]
    return kinds, steps


def _edges_to(beacon, neighbours, island):
    """Fewest edges inside the island from each node to the beacon."""
    steps = np.full(len(neighbours), -1)
    steps[beacon], front = 0, [beacon]
    while front:
        behind = [
            (other, node)
            for node in front
            for other in neighbours[node]
            if other in island and steps[other] < 0
        ]
        front = []
        for other, node in behind:
            if steps[other] < 0:
                steps[other] = steps[node] + 1
                front.append(other)
    return steps
