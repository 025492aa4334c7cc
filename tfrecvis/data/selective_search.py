"""Selective search: boxes in an image that may hold an object, of any class."""

import hashlib

import numpy as np
import tensorflow as tf

from tfrecvis.ops.checks import check_integer
from tfrecvis.optional import optional_import

KEPT = 10_000  # images whose regions are remembered


def selective_search(image, num_regions=2000, min_size=20):
    """Regions of an image that may hold an object, by selective search (OpenCV).

    Segments of like colour, texture and size are merged again and again, and the box
    of everything that was there on the way is a region: OpenCV's "fast" mode, of two
    colour spaces. The same image gives the same regions in the same order. An image of
    240x320 pixels takes about 0.4 seconds, one of 480x640 about 2.

    Reference: Uijlings et al., 2013 (https://doi.org/10.1007/s11263-013-0620-5).
    Differs from the paper: it ranks regions by their place in the hierarchy times a
    random number, and OpenCV's numbers differ at each call. Here, the place in the
    hierarchy is that among all regions by area, the largest first, and the numbers are
    the same ones each time.

    Args:
        image: Array `(height, width, 3)`, uint8, RGB.
        num_regions: Positive integer, the most that are returned: the first ones.
        min_size: Positive integer, pixels; regions with a shorter side are left out.

    Returns:
        Array `(regions, 4)` float32, xyxy, absolute pixels, without duplicates; there
        may be none.

    Raises:
        ImportError: OpenCV's contributed modules are missing.
        ValueError: An argument does not fit.

    Example:

    >>> image = np.zeros((60, 80, 3), "uint8")
    >>> image[20:40, 30:60] = 255
    >>> [30.0, 20.0, 60.0, 40.0] in selective_search(image).tolist()
    True
    """
    _check(num_regions, min_size)
    cv2 = optional_import("cv2", extra="eval", what="Regions of selective search")
    image = np.asarray(image)
    if (
        image.ndim != 3
        or image.shape[-1] != 3
        or 0 in image.shape
        or image.dtype != "uint8"
    ):
        raise ValueError(
            "`image` must be an RGB image (height, width, 3) of uint8, of at least one "
            f"pixel. Received: shape {image.shape}, dtype {image.dtype}."
        )
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(image[..., ::-1]))  # blue comes first
    search.switchToSelectiveSearchFast()
    found = np.asarray(search.process(), "int64").reshape(-1, 4)  # x, y, width, height
    found = found[found[:, 2:].min(1, initial=min_size) >= min_size]
    found = np.unique(
        np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], 1), axis=0
    )
    return _ranked(found)[:num_regions].astype("float32")


def _check(num_regions, min_size):
    check_integer("num_regions", num_regions)
    check_integer("min_size", min_size)


def _ranked(boxes):
    """The boxes, in an order in which large ones tend to come first."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    places = np.argsort(np.argsort(-areas, kind="stable")) + 1
    chance = np.random.default_rng(0).random(len(boxes))
    return boxes[np.argsort(places * chance, kind="stable")]


class SelectiveSearch:
    """Adds the key `regions` to a sample, for `tf.data.Dataset.map`.

    They are those of `selective_search`, filled up with zeros to a fixed number, so
    that they make batches. Put it before an augmentation, which then moves the regions
    along with the image: those of an image are searched once in a process, and kept in
    memory (16 bytes each) for the epochs to come, of 10,000 images at most.

    Args:
        num_regions: Positive integer, regions of each image.
        min_size: Positive integer, pixels; regions with a shorter side are left out.

    Call arguments:
        sample: A sample dict with an `image` `(height, width, 3)`, uint8, RGB.

    Returns: the sample dict with one more key, float32 `(num_regions, 4)`.

    Raises:
        ImportError: OpenCV's contributed modules are missing.
        ValueError: An argument is out of range.

    Example:

    >>> sample = {"image": tf.zeros((60, 80, 3), tf.uint8)}
    >>> SelectiveSearch(num_regions=100)(sample)["regions"].shape
    TensorShape([100, 4])
    """

    def __init__(self, num_regions=2000, min_size=20):
        _check(num_regions, min_size)
        self.num_regions = num_regions
        self.min_size = min_size

    def __call__(self, sample):
        image = tf.convert_to_tensor(sample["image"])
        regions = tf.numpy_function(self.search, [image], tf.float32)
        regions.set_shape((self.num_regions, 4))
        return {**sample, "regions": regions}

    def search(self, image):
        """The regions of an array `(height, width, 3)`, padded: `(num_regions, 4)`."""
        digest = hashlib.sha256(np.ascontiguousarray(image)).digest()
        key = digest, image.shape, self.num_regions, self.min_size
        found = _FOUND.get(key)
        if found is None:
            found = selective_search(image, self.num_regions, self.min_size)
            if len(_FOUND) < KEPT:
                _FOUND[key] = found
        return np.pad(found, [(0, self.num_regions - len(found)), (0, 0)])


_FOUND = {}  # of this process: what identifies image and settings -> regions
