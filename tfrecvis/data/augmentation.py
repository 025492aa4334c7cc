"""Random changes that move an image and its labels together."""

import tensorflow as tf

from tfrecvis.data.reader import VOID


class Augmentation:
    """Flips, scales, crops and recolours a sample, image and labels alike.

    Geometry moves both: the image by bilinear interpolation, the labels by the
    nearest pixel. What comes from outside the image is 0 there and void in the
    labels. Colour changes the image alone. All randomness comes from the seed of
    the call, so a call is a pure function of sample and seed.

    In this order: scale, crop or pad, flip, brightness, contrast, saturation. The
    defaults change nothing.

    Args:
        crop_size: `(height, width)` in pixels, one integer for both, or None for
            the size that the sample came with.
        flip: Boolean, mirror left and right in half of the calls.
        scale: `(smallest, largest)` factor of the size, drawn evenly on a
            logarithmic scale.
        brightness: Float, the largest shift, in shares of 255.
        contrast: Float in [0, 1): the distance to the mean is multiplied by
            1 - contrast to 1 + contrast.
        saturation: Float in [0, 1]: the distance to grey likewise.

    Call arguments:
        sample: A sample dict.
        seed: Two integers.

    Returns: a sample dict, image uint8.

    Raises:
        ValueError: An argument is out of range.

    Example:

    >>> sample = {"image": tf.zeros((6, 8, 3), tf.uint8),
    ...           "labels": tf.zeros((6, 8), tf.int32), "file": "a"}
    >>> Augmentation(crop_size=4, flip=True)(sample, seed=(0, 0))["image"].shape
    TensorShape([4, 4, 3])
    """

    def __init__(
        self,
        crop_size=None,
        flip=False,
        scale=(1.0, 1.0),
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
    ):
        if isinstance(crop_size, int):
            crop_size = (crop_size, crop_size)
        sides_fit = crop_size is None or len(crop_size) == 2 and min(crop_size) >= 1
        if not sides_fit:
            raise ValueError(
                "`crop_size` must be (height, width) in pixels, 1 or more, or None. "
                f"Received: crop_size={crop_size}."
            )
        if len(scale) != 2 or not 0 < scale[0] <= scale[1]:
            raise ValueError(
                "`scale` must be (smallest, largest), both above 0. "
                f"Received: scale={scale}."
            )
        ranges = {"brightness": brightness, "contrast": contrast}
        for name, value in {**ranges, "saturation": saturation}.items():
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must lie in [0, 1]; 0 leaves the image as it is. "
                    f"Received: {name}={value}."
                )
        self.crop_size = None if crop_size is None else tuple(map(int, crop_size))
        self.flip = bool(flip)
        self.scale = tuple(map(float, scale))
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation

    def __call__(self, sample, seed):
        # One stream of numbers a step: switching a step off leaves the others.
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6))
        image, labels = sample["image"], sample["labels"]
        height, width = self.crop_size or tf.unstack(tf.shape(labels))
        image = tf.cast(image, tf.float32)
        if self.scale != (1.0, 1.0):
            image, labels = self._scaled(image, labels, seeds[0])
        if self.crop_size is not None or self.scale != (1.0, 1.0):
            image, labels = _cropped(image, labels, height, width, seeds[1])
        if self.flip:
            turn = _uniform(seeds[2], 0.0, 1.0) < 0.5
            image = tf.where(turn, image[:, ::-1], image)
            labels = tf.where(turn, labels[:, ::-1], labels)
        image = self._recoloured(image, seeds[3:])
        image = tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8)
        if self.crop_size is not None:
            image = tf.ensure_shape(image, [*self.crop_size, 3])
            labels = tf.ensure_shape(labels, self.crop_size)
        elif self.scale == (1.0, 1.0):
            image = tf.ensure_shape(image, sample["image"].shape)
            labels = tf.ensure_shape(labels, sample["labels"].shape)
        return {**sample, "image": image, "labels": labels}

    def _scaled(self, image, labels, seed):
        low, high = tf.math.log(self.scale)[0], tf.math.log(self.scale)[1]
        factor = tf.exp(_uniform(seed, low, high))
        sides = tf.cast(tf.shape(labels), tf.float32)
        size = tf.maximum(tf.cast(tf.round(sides * factor), tf.int32), 1)
        image = tf.image.resize(image, size, method="bilinear", antialias=True)
        labels = tf.image.resize(labels[..., None], size, method="nearest")
        return image, labels[..., 0]

    def _recoloured(self, image, seeds):
        if self.brightness:
            shift = _uniform(seeds[0], -self.brightness, self.brightness)
            image += 255 * shift
        if self.contrast:
            factor = _uniform(seeds[1], 1 - self.contrast, 1 + self.contrast)
            mean = tf.reduce_mean(image)
            image = mean + (image - mean) * factor
        if self.saturation:
            factor = _uniform(seeds[2], 1 - self.saturation, 1 + self.saturation)
            grey = tf.image.rgb_to_grayscale(image)
            image = grey + (image - grey) * factor
        return image


def _uniform(seed, low, high):
    return tf.random.stateless_uniform([], seed, low, high)


def _cropped(image, labels, height, width, seed):
    """A random window of the wanted size; smaller images lie at random within it."""
    spare = tf.stack([height, width]) - tf.shape(labels)
    places = tf.random.stateless_uniform([2], seed)
    # Even chances for every whole-pixel place, of the window or of the image.
    offsets = tf.cast(places * tf.cast(tf.abs(spare) + 1, tf.float32), tf.int32)
    offsets = tf.minimum(offsets, tf.abs(spare))
    start = tf.where(spare < 0, offsets, 0)
    before = tf.where(spare > 0, offsets, 0)
    after = tf.maximum(spare, 0) - before
    stop = start + tf.minimum(tf.shape(labels), tf.stack([height, width]))
    image = image[start[0] : stop[0], start[1] : stop[1]]
    labels = labels[start[0] : stop[0], start[1] : stop[1]]
    pads = tf.stack([before, after], axis=1)
    image = tf.pad(image, tf.concat([pads, [[0, 0]]], axis=0))
    return image, tf.pad(labels, pads, constant_values=VOID)
