"""Weights that make rare classes count as much as frequent ones."""

import numpy as np


def median_frequency_weights(counts, image_pixels=None, power=1.0):
    """Class weights: the median class frequency over the class's own.

        frequency[k] = counts[k] / image_pixels[k]
        weights[k] = (median(frequency) / frequency[k]) ** power

    A class of the median frequency weighs 1, a rarer one more. Classes without a
    pixel are left out of the median and weigh 1.

    Reference: Eigen and Fergus, 2015, section 6.3.2
    (https://arxiv.org/abs/1411.4734); `image_pixels` are theirs, the plain
    frequencies without them are what most code calls by that name.
    Differs from the paper: `power`, which is 1 there.

    Args:
        counts: K numbers, the pixels of each class in the training set. See
            `tfrecvis.data.class_frequencies`.
        image_pixels: K numbers, for each class the labelled pixels of the images
            that show it, or None to divide by all labelled pixels.
        power: Float in [0, 1]: 0.5 takes the root, where weights of several
            hundred would make the training unstable; 0 gives weights of 1.

    Returns:
        List of K floats.

    Raises:
        ValueError: No pixel was counted, or a count is negative.

    Example:

    >>> median_frequency_weights([800, 100, 100, 0])
    [0.125, 1.0, 1.0, 1.0]
    """
    counts = np.asarray(counts, "float64")
    if counts.ndim != 1 or np.any(counts < 0) or not counts.sum() > 0:
        raise ValueError(
            "`counts` must hold one number of pixels per class, none negative and not "
            f"all zero. Received: counts={counts.tolist()}."
        )
    if not 0 <= power <= 1:
        raise ValueError(f"`power` must lie in [0, 1]. Received: power={power!r}.")
    pixels = np.full_like(counts, counts.sum())
    if image_pixels is not None:
        pixels = np.asarray(image_pixels, "float64")
        if pixels.shape != counts.shape or np.any(pixels < counts):
            raise ValueError(
                "`image_pixels` must hold one number per class, at least as large as "
                f"its count. Received: image_pixels={pixels.tolist()} for "
                f"counts={counts.tolist()}."
            )
    seen = counts > 0
    frequencies = counts[seen] / pixels[seen]
    weights = np.ones_like(counts)
    weights[seen] = (np.median(frequencies) / frequencies) ** power
    return weights.tolist()
