"""Superpixels: small regions of like colour, as the nodes of a graph."""

import math

import numpy as np
import tensorflow as tf

from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.optional import optional_import


def superpixels(image, num_segments=1000, compactness=10.0):
    """Cut an image into superpixels with SLIC (scikit-image).

    They are numbered from left to right by their centres, from top to bottom where
    these are equal, so that ties of `GraphLSTM` go to the leftmost. The same image
    gives the same superpixels.

    Args:
        image: Array `(height, width, 3)`, RGB, 0-255.
        num_segments: Integer, about how many superpixels to make.
        compactness: Float, weight of nearness against colour: the higher, the squarer.

    Returns:
        Array `(height, width)` int32, numbers from 0 without gaps.

    Raises:
        ImportError: scikit-image is missing.
        ValueError: An argument does not fit.

    Reference: Achanta et al., 2012 (https://doi.org/10.1109/TPAMI.2012.120).

    Example:

    >>> image = np.zeros((20, 30, 3), "uint8")
    >>> image[:, 15:] = 255
    >>> superpixels(image, num_segments=2)[0, [0, 14, 15, 29]].tolist()
    [0, 0, 1, 1]
    """
    slic = optional_import(
        "skimage.segmentation", extra="data", what="Superpixels"
    ).slic
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise ValueError(
            "`image` must be an RGB image (height, width, 3) of at least one pixel. "
            f"Received: image.shape={image.shape}."
        )
    check_integer("num_segments", num_segments)
    check_number("compactness", compactness, positive=True)
    if not np.isfinite(image).all():
        raise ValueError("`image` must hold finite numbers. Received: NaN or infinity.")
    labels = slic(
        image.astype("float64") / 255,
        n_segments=num_segments,
        compactness=compactness,
        start_label=0,
        channel_axis=-1,
    )
    return _left_to_right(labels)


def _left_to_right(labels):
    """The same regions, numbered by the column of their centre, then by its row."""
    _, inverse = np.unique(labels, return_inverse=True)
    flat = inverse.ravel()
    sizes = np.bincount(flat)
    row, column = (
        np.bincount(flat, weights=axis.ravel()) / sizes
        for axis in np.indices(labels.shape)
    )
    number = np.argsort(np.lexsort((row, column)))
    return number[flat].reshape(labels.shape).astype("int32")


def superpixel_neighbours(labels, max_neighbours=None):
    """Which superpixels touch, by an edge of two pixels.

    Args:
        labels: Integer array `(height, width)`, numbers from 0; -1 for pixels of none.
        max_neighbours: Integer, the length of the lists; that of the longest if None.

    Returns:
        Array `(superpixels, max_neighbours)` int32 for `GraphLSTM`: the neighbours of
        each, the lowest first, padded with -1.

    Raises:
        ValueError: A superpixel has more neighbours than `max_neighbours`, that is no
            integer from 0, or `labels` is no label map. No neighbour is left out.

    Example:

    >>> superpixel_neighbours([[0, 0, 1], [0, 2, 2]]).tolist()
    [[1, 2], [0, 2], [0, 1]]
    """
    if max_neighbours is not None:
        check_integer("max_neighbours", max_neighbours, least=0)
    labels = np.asarray(labels)
    if (
        labels.ndim != 2
        or not labels.size
        or not np.issubdtype(labels.dtype, np.integer)
        or labels.min() < -1
    ):
        raise ValueError(
            "`labels` must be integers (height, width) from 0, or -1 for none. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
            f"{f', lowest {labels.min()}' if labels.size else ''}."
        )
    count = int(labels.max()) + 1
    pairs = np.concatenate(
        [
            np.stack([labels[:, :-1], labels[:, 1:]], -1).reshape(-1, 2),
            np.stack([labels[:-1], labels[1:]], -1).reshape(-1, 2),
        ]
    )
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs >= 0).all(1)]
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    degrees = np.bincount(pairs[:, 0], minlength=count)
    most = int(degrees.max(initial=0))
    if max_neighbours is not None and most > max_neighbours:
        raise ValueError(
            f"A superpixel has {most} neighbours, more than there is room for. "
            f"Received: max_neighbours={max_neighbours}. Use {most} or more."
        )
    lists = np.full((count, most if max_neighbours is None else max_neighbours), -1)
    starts = np.cumsum(degrees) - degrees
    place = np.arange(len(pairs)) - starts[pairs[:, 0]]
    lists[pairs[:, 0], place] = pairs[:, 1]
    return lists.astype("int32")


class Superpixels:
    """Adds the superpixels of a sample's image to it, for `tf.data.Dataset.map`.

    Graphs of different images get one size, so that they make a batch: nodes and
    neighbours are padded. What does not fit is an error, never left out.

    It adds the keys `superpixels`, `neighbours` and `nodes` of `SAMPLE_KEYS`: one
    number per pixel, `max_nodes` lists of `max_neighbours`, and `max_nodes` times
    whether there is such a superpixel.

    Args:
        num_segments: Integer, about how many superpixels an image gets.
        compactness: Float, as in `superpixels`.
        max_nodes: Integer, room for superpixels; a quarter more than `num_segments`,
            and 8, if None.
        max_neighbours: Integer, room for the neighbours of one.

    Call arguments:
        sample: A sample dict with an `image` `(height, width, 3)`, RGB, 0-255.

    Returns: the sample dict with three more keys.

    Raises:
        ValueError: An argument is out of range, or, with its text in the error of the
            pipeline, an image has more superpixels or neighbours than there is room.

    Example:

    >>> sample = {"image": tf.random.stateless_uniform((30, 40, 3), (0, 0)) * 255}
    >>> sample = Superpixels(num_segments=20)(sample)
    >>> sample["superpixels"].shape, sample["neighbours"].shape
    (TensorShape([30, 40]), TensorShape([33, 24]))
    """

    def __init__(
        self, num_segments=1000, compactness=10.0, max_nodes=None, max_neighbours=24
    ):
        check_integer("num_segments", num_segments)
        if max_nodes is None:
            max_nodes = math.ceil(1.25 * num_segments) + 8
        check_integer("max_nodes", max_nodes)
        check_integer("max_neighbours", max_neighbours)
        check_number("compactness", compactness, positive=True)
        self.num_segments = num_segments
        self.compactness = compactness
        self.max_nodes = max_nodes
        self.max_neighbours = max_neighbours

    def __call__(self, sample):
        image = tf.convert_to_tensor(sample["image"])
        labels, neighbours, nodes = tf.numpy_function(
            self._graph, [image], [tf.int32, tf.int32, tf.bool]
        )
        labels.set_shape(image.shape[:2])
        neighbours.set_shape((self.max_nodes, self.max_neighbours))
        nodes.set_shape((self.max_nodes,))
        return {
            **sample,
            "superpixels": labels,
            "neighbours": neighbours,
            "nodes": nodes,
        }

    def _graph(self, image):
        labels = superpixels(image, self.num_segments, self.compactness)
        lists = superpixel_neighbours(labels, self.max_neighbours)
        padding = self.max_nodes - len(lists)
        if padding < 0:
            raise ValueError(
                f"An image has {len(lists)} superpixels, more than there is room for. "
                f"Received: max_nodes={self.max_nodes}. Use {len(lists)} or more."
            )
        nodes = np.arange(self.max_nodes) < len(lists)
        lists = np.pad(lists, [[0, padding], [0, 0]], constant_values=-1)
        return labels, lists, nodes
