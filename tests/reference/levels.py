"""Graphs visited one node at a time, in NumPy, and how many levels they have."""

import numpy as np


def in_order(reads, depends):
    """Nodes of one graph such that each comes after those that it waits for."""
    waits = [
        {j for j, wait in zip(*row, strict=True) if wait}
        for row in zip(reads.tolist(), depends.tolist(), strict=True)
    ]
    order, done = [], set()
    while len(order) < len(reads):
        for i in range(len(reads)):
            if i not in done and waits[i] <= done:
                order.append(i)
                done.add(i)
    return order


def levels(reads, depends):
    """The level of each node of one graph."""
    level = np.zeros(len(reads), int)
    for i in in_order(reads, depends):
        waits = [level[j] for j, w in zip(reads[i], depends[i], strict=True) if w]
        level[i] = max(waits) + 1 if waits else 0
    return level


def steps(reads, depends, width):
    """Sequential steps of a batch: the most that one of its graphs needs."""
    return max(
        sum(-(-n // width) for n in np.bincount(levels(*graph)))
        for graph in zip(reads, depends, strict=True)
    )


def visit(step, own, initial, reads, depends):
    """`step(own[i], [state read, ...])` for each node of one graph in turn."""
    new = np.zeros(initial.shape)
    for i in in_order(reads, depends):
        read = [
            (new[j] if w else initial[j]) if j >= 0 else np.zeros(initial.shape[-1])
            for j, w in zip(reads[i], depends[i], strict=True)
        ]
        new[i] = step(own[i], np.stack(read))
    return new


def random_graphs(rng, batch, nodes, neighbours):
    """Reads, of which each node waits for those of a lower random rank.

    Where j reads i too or not is chance: edges are one-sided.
    """
    reads = rng.integers(-1, nodes, size=(batch, nodes, neighbours))
    rank = rng.random((batch, nodes))
    depends = np.zeros(reads.shape, bool)
    for b, i, k in np.ndindex(reads.shape):
        j = reads[b, i, k]
        depends[b, i, k] = j >= 0 and rank[b, j] < rank[b, i]
        if j == i:
            reads[b, i, k] = -1
    return reads, depends
