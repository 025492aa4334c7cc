"""Instances by their numbers in an image: their boxes, and a mask for each."""

import numpy as np
import tensorflow as tf


def numbered_instances(numbers):
    """Instances numbered from 1 without gaps, and the smallest boxes around them.

    Args:
        numbers: Integers `(height, width)`; 0 is background.

    Returns:
        int32 `(height, width)`, and float32 `(instances, 4)`, xyxy in pixels.

    Example:

    >>> numbered, boxes = numbered_instances(np.array([[0, 7, 7], [0, 7, 3]]))
    >>> numbered.tolist(), boxes.tolist()
    ([[0, 2, 2], [0, 2, 1]], [[2.0, 1.0, 3.0, 2.0], [1.0, 0.0, 3.0, 2.0]])
    """
    found, places = np.unique(numbers, return_inverse=True)
    has_background = bool(found.size) and found[0] == 0
    places = places.reshape(numbers.shape).astype("int32") + (not has_background)
    count = int(places.max(initial=0))
    boxes = np.zeros((count + 1, 4), "float32")
    boxes[:, :2] = np.inf
    rows, columns = np.nonzero(places)
    own = places[rows, columns]
    np.minimum.at(boxes[:, 0], own, columns)
    np.minimum.at(boxes[:, 1], own, rows)
    np.maximum.at(boxes[:, 2], own, columns + 1)
    np.maximum.at(boxes[:, 3], own, rows + 1)
    return places, boxes[1:]


def with_masks(sample):
    """A sample of tensors whose `labels` hold instances' numbers, with `masks` instead.

    Example:

    >>> sample = {"labels": tf.constant([[0, 2, 1]]), "classes": tf.constant([0, 0])}
    >>> with_masks(sample)["masks"].numpy().tolist()
    [[[0, 0, 1]], [[0, 1, 0]]]
    """
    sample = dict(sample)
    numbers = sample.pop("labels")
    wanted = 1 + tf.range(tf.shape(sample["classes"])[0])
    masks = tf.equal(numbers, wanted[:, None, None])
    return {**sample, "masks": tf.cast(masks, tf.uint8)}
