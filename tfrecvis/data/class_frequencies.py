"""How often each class occurs."""

import numpy as np


def class_frequencies(reader, image_pixels=False):
    """Counts the pixels of each class over all samples of a reader.

    Args:
        reader: Any reader; see `tfrecvis.data`.
        image_pixels: Boolean, count a second number per class as well: the labelled
            pixels of the images that show it, as `median_frequency_weights` takes.

    Returns:
        `(classes,)` int64 array of pixel counts; with `image_pixels` a pair of
        such arrays. Void pixels count nowhere.

    Example:

    >>> from tfrecvis.data import SyntheticScenes
    >>> reader = SyntheticScenes("train", count=2, size=(48, 48))
    >>> int(class_frequencies(reader).sum()) == 2 * 48 * 48
    True
    """
    counts = np.zeros(reader.num_classes, "int64")
    shown = np.zeros(reader.num_classes, "int64")
    for sample in reader.samples().as_numpy_iterator():
        labels = sample["labels"].ravel()
        found = np.bincount(labels, minlength=256)[: reader.num_classes]
        counts += found
        shown += np.where(found > 0, found.sum(), 0)
    return (counts, shown) if image_pixels else counts
