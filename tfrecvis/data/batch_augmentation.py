"""Random changes that need a whole batch: one size for all, and mosaics of four."""

import tensorflow as tf

from tfrecvis.data.sample_keys import SAMPLE_KEYS, spatial_keys


def resized_batch(batch, size):
    """A batch in another size: images between pixels, maps by the nearest one.

    Args:
        batch: Dict of keys of `SAMPLE_KEYS` with a batch axis, one of them an image or
            a map.
        size: `(height, width)` in pixels.

    Returns:
        A dict of the same keys.

    Example:

    >>> batch = {"image": tf.zeros((2, 4, 6, 3), tf.uint8),
    ...          "boxes": tf.constant([[[1.0, 1, 3, 2]]] * 2)}
    >>> resized_batch(batch, (8, 12))["boxes"][0].numpy().tolist()
    [[2.0, 2.0, 6.0, 4.0]]
    """
    before = _size(batch)
    stretch = tf.cast(size, tf.float32) / tf.cast(before, tf.float32)
    moved = {}
    for name, value in batch.items():
        key = SAMPLE_KEYS[name]
        if key.moves == "image":
            shape = tf.shape(value)
            own = value.shape[:-3]  # the batch, and the frames of clips
            value = tf.reshape(value, tf.concat([[-1], shape[-3:]], 0))
            value = tf.image.resize(value, size, "bilinear", antialias=True)
            value = tf.reshape(value, tf.concat([shape[:-3], size, [3]], 0))
            value = tf.ensure_shape(value, [*own, None, None, 3])
            value = tf.cast(tf.round(value), key.dtype)
        elif key.moves == "labels":
            shape = tf.shape(value)
            value = tf.reshape(value, tf.concat([[-1], shape[-2:], [1]], 0))
            value = tf.image.resize(value, size, "nearest")
            value = tf.reshape(value, tf.concat([shape[:-2], size], 0))
        elif key.moves == "boxes":
            value *= tf.tile(stretch[::-1], [2])
        elif key.moves == "size":
            # The image may be smaller than its batch.
            value = tf.cast(tf.round(tf.cast(value, tf.float32) * stretch), key.dtype)
        moved[name] = value
    return moved


def mosaic(batch, seed, share, least=0.25):
    """A batch in which a share of the images is put together from four.

    A point drawn in the middle half of the image cuts it in four; each part shows what
    is there in this image and in the three that follow it in the batch. Boxes are
    clipped to their part, and left out where less than `least` of their area is in it;
    classes and masks go with them.

    Reference: Bochkovskiy et al., 2020 (https://arxiv.org/abs/2004.10934).
    Differs from the paper: the four images are not shrunk; `Augmentation` has scaled
    and cropped them before.

    Args:
        batch: Dict of keys of `SAMPLE_KEYS` with a batch axis, images of one size.
        seed: Two integers.
        share: Float in [0, 1].
        least: Float in (0, 1].

    Returns:
        A dict of the same keys; there may be more boxes per image.

    Example:

    >>> image = tf.reshape(tf.range(4, dtype=tf.int32), (4, 1, 1, 1))
    >>> image = tf.cast(tf.ones((4, 8, 8, 3), tf.int32) * image, tf.uint8)
    >>> found = mosaic({"image": image}, (1, 2), share=1.0)["image"]
    >>> [int(found[2, row, column, 0]) for row in (0, 7) for column in (0, 7)]
    [2, 3, 0, 1]
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    height, width = tf.unstack(_size(batch))
    count = tf.shape(next(iter(batch.values())))[0]
    chosen = tf.random.stateless_uniform([count], seeds[0]) < share
    places = tf.random.stateless_uniform([count, 2], seeds[1], 0.25, 0.75)
    sides = tf.cast(tf.stack([height, width]), tf.float32)
    cuts = tf.cast(tf.round(places * sides), tf.int32)
    # Where nothing is cut, the first part is the whole image.
    cuts = tf.where(chosen[:, None], cuts, tf.stack([height, width]))

    low = tf.range(height)[None, :, None] >= cuts[:, 0, None, None]
    right = tf.range(width)[None, None, :] >= cuts[:, 1, None, None]
    part = 2 * tf.cast(low, tf.int32) + tf.cast(right, tf.int32)

    kept, parts_of_boxes = _parts_of_boxes(batch, cuts, sides, least)
    mixed = {}
    for name, value in batch.items():
        axes = SAMPLE_KEYS[name].axis_names
        if axes[:1] == ("boxes",):
            given = parts_of_boxes if name == "boxes" else _following(value)
            if name == "masks":
                inside = [tf.cast(part == n, value.dtype) for n in range(4)]
                given = [m * own[:, None] for m, own in zip(given, inside, strict=True)]
            mixed[name] = _joined(given, kept, SAMPLE_KEYS[name].padding)
        elif "height" in axes:
            choices = tf.stack(_following(value), -1)
            sizes = {"height": height, "width": width}
            index = tf.reshape(part, [count, *(sizes.get(axis, 1) for axis in axes)])
            index = tf.broadcast_to(index, tf.shape(value))
            mixed[name] = tf.gather(choices, index, batch_dims=value.shape.rank)
            mixed[name] = tf.ensure_shape(mixed[name], value.shape)
        else:
            mixed[name] = value
    return mixed


def _size(batch):
    name = spatial_keys(batch)[0]
    place = 1 + SAMPLE_KEYS[name].axis_names.index("height")
    return tf.shape(batch[name])[place : place + 2]


def _following(value):
    """The value of each image, and of the three that follow it."""
    return [tf.roll(value, -number, axis=0) for number in range(4)]


def _parts_of_boxes(batch, cuts, sides, least):
    """Which boxes of the four images are kept, and what the parts leave of them."""
    if "boxes" not in batch:
        return None, None
    middle = tf.cast(cuts, tf.float32)[:, ::-1]  # x, y
    end = tf.broadcast_to(sides[::-1], tf.shape(middle))
    kept, clipped = [], []
    for number, boxes in enumerate(_following(batch["boxes"])):
        on_right, below = number % 2, number // 2
        first = tf.stack([middle[:, 0] * on_right, middle[:, 1] * below], -1)
        last = tf.stack(
            [
                end[:, 0] if on_right else middle[:, 0],
                end[:, 1] if below else middle[:, 1],
            ],
            -1,
        )
        inside = tf.clip_by_value(
            boxes,
            tf.tile(first, [1, 2])[:, None],
            tf.tile(last, [1, 2])[:, None],
        )
        enough = _areas(inside) >= least * _areas(boxes)
        kept.append((_areas(inside) > 0) & enough)  # padding has no area
        clipped.append(inside)
    return tf.concat(kept, 1), clipped


def _areas(boxes):
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _joined(given, kept, padding):
    """What is kept of four lists of boxes, padded to the longest list of the batch."""
    values = tf.ragged.boolean_mask(tf.concat(given, 1), kept)
    return values.to_tensor(tf.cast(padding, values.dtype))
