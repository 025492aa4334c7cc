"""Random changes that move an image and all that lies on it together."""

import tensorflow as tf

from tfrecvis.data.batch_augmentation import mosaic, resized_batch
from tfrecvis.data.sample_keys import SAMPLE_KEYS, check_sample, spatial_keys
from tfrecvis.ops.checks import as_integers, check_number

BATCHES = 10  # of one size, one after the other


class Augmentation:
    """Flips, scales, crops and recolours a sample: all of its keys that are spatial.

    `SAMPLE_KEYS` says what moves with the image and how: the image itself by bilinear
    interpolation, labels, superpixels, depth and masks by the nearest pixel, boxes by
    their coordinates. What enters from outside the image is each key's padding: 0 in
    the image, void in the labels, -1 in superpixels. All frames of a clip move alike.

    Boxes are clipped to what is left of the image. Those that lose all their area, or
    all pixels of their masks, are dropped, and their classes and masks with them. A
    box is not fitted anew to what the crop leaves of its mask.

    Colour changes only images and clips. Graphs of superpixels stay as they are: a
    node may lose all its pixels. So do sentences, also those that say left and right;
    give them no flip.

    All randomness comes from the seed of the call, so a call is a pure function of
    sample and seed. The order is: scale, crop or pad, flip, brightness, contrast,
    saturation. The defaults change nothing.

    Args:
        crop_size: `(height, width)` in pixels, one integer for both, or None for
            the size that the sample came with.
        flip: Boolean, mirror left and right in half of the calls.
        scale: `(smallest, largest)` factor of the size, drawn evenly on a
            logarithmic scale. The depth stays in metres.
        brightness: Float, the largest shift, in shares of 255.
        contrast: Float in [0, 1): the distance to the mean is multiplied by
            1 - contrast to 1 + contrast.
        saturation: Float in [0, 1]: the distance to grey likewise.
        mosaic: Float in [0, 1], the share of images that are put together from four of
            their batch; see `tfrecvis.data.batch_augmentation.mosaic`. It needs images
            of one size, such as a `crop_size` gives.
        sizes: List of `(height, width)` in pixels, or None. Whole batches are resized
            to one of them, drawn anew every ten batches (multi-scale training, Redmon
            and Farhadi, 2017, https://arxiv.org/abs/1612.08242). XLA compiles a
            training step for each size.

    Call arguments:
        sample: A sample dict.
        seed: Two integers.

    Returns: a sample dict of the same keys.

    Raises:
        ValueError: An argument is out of range; a key of the sample is unknown, or it
            has boxes and nothing that tells the size of their image.

    Example:

    >>> sample = {"image": tf.zeros((6, 8, 3), tf.uint8),
    ...           "labels": tf.zeros((6, 8), tf.int32), "file": "a"}
    >>> Augmentation(crop_size=4, flip=True)(sample, seed=(0, 0))["image"].shape
    TensorShape([4, 4, 3])
    >>> sample = {"image": sample["image"], "boxes": tf.constant([[1.0, 0, 3, 2]])}
    >>> Augmentation(scale=(2.0, 2.0), crop_size=(12, 16))(sample, (0, 0))["boxes"]
    <tf.Tensor: shape=(1, 4), dtype=float32, \
numpy=array([[2., 0., 6., 4.]], dtype=float32)>
    """

    def __init__(
        self,
        crop_size=None,
        flip=False,
        scale=(1.0, 1.0),
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        mosaic=0.0,
        sizes=None,
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
        ranges = {**ranges, "saturation": saturation, "mosaic": mosaic}
        check_number("mosaic", mosaic)
        for name, value in ranges.items():
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must lie in [0, 1]; 0 leaves the image as it is. "
                    f"Received: {name}={value}."
                )
        if sizes is not None:
            if not isinstance(sizes, (list, tuple)) or not sizes:
                raise ValueError(
                    "`sizes` must be a list of (height, width) in pixels, or None. "
                    f"Received: sizes={sizes!r}."
                )
            sizes = [as_integers("sizes", size, count=2) for size in sizes]
        self.crop_size = None if crop_size is None else tuple(map(int, crop_size))
        self.flip = bool(flip)
        self.scale = tuple(map(float, scale))
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.mosaic = mosaic
        self.sizes = sizes

    # AutoGraph would look for Python's loops here for longer than the tracing takes.
    @tf.autograph.experimental.do_not_convert
    def __call__(self, sample, seed):
        check_sample(sample)
        keys = [name for name in sample if SAMPLE_KEYS[name].moves != "no"]
        maps = spatial_keys(keys)
        if not maps:
            if "boxes" in keys:
                raise ValueError(
                    "`boxes` cannot be moved without an image, labels or another key "
                    f"with a value per pixel. Received: keys {', '.join(sample)}."
                )
            return sample
        # One stream of numbers per step: switching a step off leaves the others.
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6))
        moved = {name: tf.convert_to_tensor(sample[name]) for name in keys}
        height, width = static_size = _static_size(moved[maps[0]], maps[0])
        size = _size(moved[maps[0]], maps[0])
        for name in maps[1:]:
            tf.debugging.assert_equal(
                _size(moved[name], name),
                size,
                f"`{name}` and `{maps[0]}` of a sample must have one size.",
            )
        if self.crop_size is not None:
            height, width = static_size = self.crop_size
        target = tf.stack([height, width]) if None not in static_size else size
        images = [name for name in keys if SAMPLE_KEYS[name].moves == "image"]
        for name in images:
            moved[name] = tf.cast(moved[name], tf.float32)
        if self.scale != (1.0, 1.0):
            moved = self._scaled(moved, size, seeds[0])
        others = {name: sample[name] for name in sample if name not in keys}
        if self.crop_size is not None or self.scale != (1.0, 1.0):
            size = _size(moved[maps[0]], maps[0])
            moved = _cropped(moved, size, target, seeds[1])
            moved, others = _without_lost_boxes(moved, others)
        if self.flip:
            turn = _uniform(seeds[2], 0.0, 1.0) < 0.5
            moved = {
                name: tf.where(turn, _mirrored(name, value, target[1]), value)
                for name, value in moved.items()
            }
        for name in images:
            image = self._recoloured(moved[name], seeds[3:])
            image = tf.round(tf.clip_by_value(image, 0.0, 255.0))
            moved[name] = tf.cast(image, tf.uint8)
        for name in maps:
            sides = {"height": height, "width": width, "3": 3}
            shape = [sides.get(axis) for axis in SAMPLE_KEYS[name].axis_names]
            moved[name] = tf.ensure_shape(moved[name], shape)
        moved = {**moved, **others}
        return {name: moved[name] for name in sample}

    def of_batch(self, batch, number, seed):
        """A batch with mosaics, in its own size of `sizes`.

        Args:
            batch: Dict of keys of `SAMPLE_KEYS` with a batch axis.
            number: Integer, which batch of the epoch it is.
            seed: Two integers, those of the epoch.

        Returns:
            A dict of the same keys.
        """
        if self.mosaic:
            own_seed = tf.random.experimental.stateless_fold_in(seed, number)
            batch = mosaic(batch, own_seed, self.mosaic)
        if self.sizes:
            drawn = tf.random.stateless_uniform(
                [],
                tf.random.experimental.stateless_fold_in(seed, number // BATCHES),
                maxval=len(self.sizes),
                dtype=tf.int32,
            )
            batch = resized_batch(batch, tf.constant(self.sizes)[drawn])
        return batch

    def _scaled(self, moved, size, seed):
        low, high = tf.math.log(self.scale)[0], tf.math.log(self.scale)[1]
        factor = tf.exp(_uniform(seed, low, high))
        sides = tf.cast(size, tf.float32)
        new_size = tf.maximum(tf.cast(tf.round(sides * factor), tf.int32), 1)
        new_sides = tf.cast(new_size, tf.float32)
        scaled = {}
        for name, value in moved.items():
            moves = SAMPLE_KEYS[name].moves
            if moves == "image":
                value = tf.image.resize(value, new_size, "bilinear", antialias=True)
            elif moves == "labels":
                value = tf.image.resize(value[..., None], new_size, "nearest")[..., 0]
            elif moves == "boxes":
                value *= tf.tile((new_sides / sides)[::-1], [2])  # x, y, x, y
            scaled[name] = value
        return scaled

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


def _place(name):
    """The axis of the height; that of the width is the next one."""
    return SAMPLE_KEYS[name].axis_names.index("height")


def _size(value, name):
    return tf.shape(value)[_place(name) : _place(name) + 2]


def _static_size(value, name):
    return tuple(value.shape[_place(name) : _place(name) + 2])


def _cropped(moved, size, target, seed):
    """A random window of the wanted size; smaller images lie at random within it."""
    spare = target - size
    places = tf.random.stateless_uniform([2], seed)
    # Even chances for every whole-pixel place, of the window or of the image.
    offsets = tf.cast(places * tf.cast(tf.abs(spare) + 1, tf.float32), tf.int32)
    offsets = tf.minimum(offsets, tf.abs(spare))
    start = tf.where(spare < 0, offsets, 0)
    stop = start + tf.minimum(size, target)
    before = tf.where(spare > 0, offsets, 0)
    after = tf.maximum(spare, 0) - before
    return {
        name: _windowed(name, value, start, stop, before, after)
        for name, value in moved.items()
    }


def _windowed(name, value, start, stop, before, after):
    """One key's part from `start` to `stop`, with padding before and after it."""
    key = SAMPLE_KEYS[name]
    if key.moves == "size":
        return stop - start + before + after
    if key.moves == "boxes":
        low, high, shift = (
            tf.cast(tf.tile(pair[::-1], [2]), tf.float32)  # x, y, x, y
            for pair in (start, stop, before - start)
        )
        return tf.clip_by_value(value, low, high) + shift
    rows = {"height": slice(start[0], stop[0]), "width": slice(start[1], stop[1])}
    value = value[tuple(rows.get(axis, slice(None)) for axis in key.axis_names)]
    pads = {"height": (before[0], after[0]), "width": (before[1], after[1])}
    pads = [pads.get(axis, (0, 0)) for axis in key.axis_names]
    return tf.pad(value, pads, constant_values=tf.cast(key.padding, value.dtype))


def _without_lost_boxes(moved, others):
    """Both dicts without the boxes that have no area or no pixel of a mask left."""
    kept = []
    if "boxes" in moved:
        boxes = moved["boxes"]
        kept.append(tf.reduce_all(boxes[:, 2:] > boxes[:, :2], axis=1))
    if "masks" in moved:
        kept.append(tf.reduce_any(moved["masks"] > 0, axis=[1, 2]))
    if not kept:
        return moved, others

    def left(values):
        return {
            name: tf.boolean_mask(value, tf.reduce_all(kept, axis=0))
            if SAMPLE_KEYS[name].axis_names[:1] == ("boxes",)
            else value
            for name, value in values.items()
        }

    return left(moved), left(others)


def _mirrored(name, value, width):
    """One key with left and right exchanged."""
    key = SAMPLE_KEYS[name]
    if key.moves == "size":
        return value
    if key.moves == "boxes":
        left, top, right, bottom = tf.unstack(value, axis=1)
        width = tf.cast(width, tf.float32)
        return tf.stack([width - right, top, width - left, bottom], axis=1)
    return tf.reverse(value, [key.axis_names.index("width")])
