"""Batches for `fit`, in an order that a resumed run finds again."""

import tensorflow as tf

from tfrecvis.data.problems import DataError
from tfrecvis.data.sample_keys import (
    SAMPLE_KEYS,
    check_sample,
    known_key,
    spatial_keys,
)
from tfrecvis.ops.checks import check_integer

_SIZE = "size before padding"  # travels with a sample where sizes may differ unseen


# AutoGraph would look for Python's loops here for longer than the tracing takes.
@tf.autograph.experimental.do_not_convert
def batches(
    reader,
    batch_size,
    augmentation=None,
    inputs="image",
    targets="labels",
    seed=0,
    first_epoch=0,
    epochs=1,
    steps=None,
    shuffle=True,
    drop_remainder=False,
    pad=False,
    pad_to=None,
    shuffle_buffer=1024,
):
    """Batches of any keys of a reader's samples, shuffled anew in each epoch.

    Order and augmentation of an epoch are a pure function of `seed` and the
    epoch's number: a run that is resumed with `first_epoch=7` sees what the first
    run would have seen from its eighth epoch on. Epochs follow one another and no
    batch spans two, so `fit` must be told where one ends:

        steps = steps_per_epoch(reader, batch_size)
        model.fit(
            batches(reader, batch_size, first_epoch=7, epochs=23),
            steps_per_epoch=steps, initial_epoch=7, epochs=30,
        )

    Without `steps_per_epoch`, `fit` starts the data set again in each of its epochs
    and sees the same order every time.

    Values of different sizes are filled up to the largest of their batch with the
    padding of `SAMPLE_KEYS`: boxes, sentences and nodes always, images with `pad`.
    Sizes that all samples share are static, so that XLA compiles once.

    Args:
        reader: Any reader; see `tfrecvis.data`.
        batch_size: Integer. The last batch of an epoch is smaller when the samples
            do not come out even.
        augmentation: An `Augmentation`, or any function of a sample dict and a
            seed (two integers) that returns a sample dict, or None.
        inputs: String, the key of `fit`'s inputs; or a list of keys for a dict of
            them; or None for the whole batch as one dict, without targets.
        targets: String, list of strings or None, likewise.
        seed: Integer.
        first_epoch: Integer, the number of the first epoch.
        epochs: Integer, how many epochs follow one another.
        steps: Integer, the most batches of an epoch, or None for all. Each epoch
            takes other samples when they are shuffled.
        shuffle: Boolean. False keeps the reader's order.
        drop_remainder: Boolean, leave out an epoch's last batch when it is smaller.
        pad: Boolean, fill images of different sizes up to the largest of their
            batch, at the right and the bottom: images with 0, labels with void.
        pad_to: Dict of axes of `SAMPLE_KEYS` and their sizes, such as `{"boxes": 50}`:
            the size is static then, and a longer sample is an error.
        shuffle_buffer: Integer, how many samples are mixed at a time for readers
            that only give samples in sequence (no `load`).

    Returns:
        `tf.data.Dataset` of `(inputs, targets)`, or of dicts. With the defaults
        `(batch, height, width, 3)` uint8, RGB 0-255, and `(batch, height, width)`
        int32, 255 = void.

    Raises:
        ValueError: The reader is empty, a number is out of range, or a key is unknown
            or not in the samples.
        DataError: Images of different sizes would meet in a batch and `pad` is False.

    Example:

    >>> from tfrecvis.data import SyntheticScenes
    >>> reader = SyntheticScenes("train", count=5, size=(48, 48))
    >>> [len(images) for images, labels in batches(reader, batch_size=2)]
    [2, 2, 1]
    >>> sorted(next(iter(batches(reader, batch_size=2, inputs=None))))
    ['file', 'image', 'labels']
    """
    epoch_steps = steps_per_epoch(reader, batch_size, drop_remainder, steps)
    if first_epoch < 0 or epochs < 1:
        raise ValueError(
            "`first_epoch` must be 0 or more and `epochs` 1 or more. "
            f"Received: first_epoch={first_epoch}, epochs={epochs}."
        )

    # Traced once, and with AutoGraph: functions of users may branch on tensors.
    load = tf.function(reader.load) if _has_load(reader) else None

    @tf.function
    def augment(number, sample, epoch_seed):
        own_seed = tf.random.experimental.stateless_fold_in(epoch_seed, number)
        return augmentation(sample, own_seed)

    def epoch_samples(epoch_seed, shuffle=shuffle):
        samples = _numbered(reader, load, epoch_seed, shuffle, shuffle_buffer)
        if augmentation is None:
            return samples.map(lambda _, sample: sample)
        return samples.map(
            lambda number, sample: augment(number, sample, epoch_seed),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    # Built once outside the data set, so that what is wrong is said here and now.
    first_seed = tf.zeros([2], tf.int64)
    check_sample(_numbered(reader, load, first_seed, False, 1).element_spec[1])
    spec = epoch_samples(first_seed, shuffle=False).element_spec
    check_sample(spec)
    picked = _picked_keys(spec, inputs, targets)
    size = None
    if spatial_keys(picked):
        size = _common_size(reader, augmentation, batch_size, pad)
    _check_mosaic(augmentation, picked, size, pad_to)
    shapes = {name: _shape(name, spec[name], size) for name in picked}
    batched = _batcher(shapes, size, pad, pad_to, batch_size, drop_remainder)

    def epoch_batches(epoch):
        epoch_seed = tf.stack([tf.cast(seed, tf.int64), epoch])
        dataset = batched(epoch_samples(epoch_seed))
        if of_batch is not None:
            dataset = dataset.enumerate().map(
                lambda number, batch: of_batch(batch, number, epoch_seed),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        return dataset if steps is None else dataset.take(steps)

    of_batch = _of_batch(augmentation)
    numbers = tf.data.Dataset.range(first_epoch, first_epoch + epochs)
    dataset = numbers.flat_map(epoch_batches)
    if inputs is not None and targets is not None:
        dataset = dataset.map(
            lambda batch: (batch_of(inputs, batch), batch_of(targets, batch))
        )
    elif inputs is not None:
        dataset = dataset.map(lambda batch: batch_of(inputs, batch))
    cardinality = tf.data.experimental.assert_cardinality(epoch_steps * epochs)
    return dataset.apply(cardinality).prefetch(tf.data.AUTOTUNE)


def steps_per_epoch(reader, batch_size, drop_remainder=False, steps=None):
    """How many batches an epoch has; the arguments are those of `batches`.

    Raises:
        ValueError: There is no batch.

    Example:

    >>> steps_per_epoch(range(5), batch_size=2)
    3
    >>> steps_per_epoch(range(5), batch_size=2, steps=2)
    2
    """
    check_integer("batch_size", batch_size)
    if steps is not None:
        check_integer("steps", steps)
    count = len(reader) // batch_size
    if not drop_remainder:
        count = -(-len(reader) // batch_size)
    if not count:
        raise ValueError(
            f"{len(reader)} samples make no batch of {batch_size}"
            + (" when the remainder is dropped." if len(reader) else ".")
            + " Use a smaller `batch_size`, or check the data set."
        )
    return count if steps is None else min(count, steps)


def _check_mosaic(augmentation, picked, size, pad_to):
    """Refuses what cannot be put together from four images."""
    if not getattr(augmentation, "mosaic", 0):
        return
    if size is None:
        raise ValueError(
            "A mosaic needs images of one size. Pass an Augmentation with a "
            "`crop_size`, or mosaic=0."
        )
    if "regions" in picked:
        raise ValueError(
            "`regions` of four images are not those of their mosaic. Pass an "
            "Augmentation with mosaic=0."
        )
    if "boxes" in (pad_to or {}):
        raise ValueError(
            "A mosaic may have more boxes than its images, so `pad_to` cannot fix "
            "their number. Leave `boxes` out of it, or pass mosaic=0."
        )


def _of_batch(augmentation):
    """What an augmentation does to whole batches, or None."""
    asked = getattr(augmentation, "mosaic", 0), getattr(augmentation, "sizes", None)
    if not any(asked):
        return None
    return tf.autograph.experimental.do_not_convert(augmentation.of_batch)


def _has_load(reader):
    return getattr(reader, "load", None) is not None


def _numbered(reader, load, epoch_seed, shuffle, shuffle_buffer):
    """(number, sample) pairs of one epoch."""
    count = len(reader)
    if load is None:
        dataset = reader.samples().enumerate()
        if shuffle:
            mixing = tf.random.stateless_uniform(
                [], epoch_seed, maxval=None, minval=None, dtype=tf.int64
            )
            # `shuffle` mixes the global seed in, and cannot where that is 0. This
            # sets the seed of the traced graph, not the program's.
            tf.random.set_seed(1)
            dataset = dataset.shuffle(
                min(shuffle_buffer, count), mixing, reshuffle_each_iteration=False
            )
        return dataset
    numbers = tf.range(count, dtype=tf.int64)
    if shuffle:
        numbers = tf.random.experimental.stateless_shuffle(
            numbers, epoch_seed, alg="philox"
        )
    numbers = tf.data.Dataset.from_tensor_slices(numbers)
    return numbers.map(
        lambda number: (number, load(number)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _picked_keys(spec, inputs, targets):
    """The keys that a batch needs."""
    if inputs is None:
        if targets not in (None, "labels"):
            raise ValueError(
                "With inputs=None a batch is one dict of all keys, which has no "
                f"targets. Received: targets={targets!r}. Leave them out."
            )
        return list(spec)
    picked = []
    for wanted in (inputs, targets):
        names = [wanted] if isinstance(wanted, str) else wanted or []
        for name in names:
            known_key(name)
            if name not in spec:
                raise ValueError(
                    f"The samples have no `{name}`. They have: {', '.join(spec)}."
                )
        picked += names
    return list(dict.fromkeys(picked))


def batch_of(wanted, batch):
    """A key's value, or a dict of the values of a list of keys.

    Example:

    >>> batch_of(["image"], {"image": 1, "labels": 2})
    {'image': 1}
    """
    if isinstance(wanted, str):
        return batch[wanted]
    return {name: batch[name] for name in wanted}


def _shape(name, spec, size):
    """A key's static shape: what the samples say, and the images' common size."""
    axes = SAMPLE_KEYS[name].axis_names
    known = spec.shape if spec.shape.rank is not None else [None] * len(axes)
    height, width = size or (None, None)
    common = {"height": height, "width": width, "2": 2, "3": 3, "4": 4}
    return [
        side if side is not None else common.get(axis)
        for axis, side in zip(axes, known, strict=True)
    ]


def _batcher(shapes, size, pad, pad_to, batch_size, drop_remainder):
    """A function of a data set of samples that returns one of batches."""
    pad_to = _checked_axes(pad_to, shapes)
    padded_shapes = {
        name: [
            pad_to.get(axis, side)
            for axis, side in zip(SAMPLE_KEYS[name].axis_names, shape, strict=True)
        ]
        for name, shape in shapes.items()
    }
    maps = spatial_keys(shapes)
    # Padding would hide that images differ in size where nobody asked for it.
    watched = bool(maps) and not pad and batch_size > 1
    watched = watched and any(None in _sides(name, shapes[name]) for name in maps)

    def finished(sample):
        sample = {name: sample[name] for name in shapes}
        checks = [_size_check(name, sample[name], size) for name in maps if size]
        for name, value in sample.items():
            for place, axis in enumerate(SAMPLE_KEYS[name].axis_names):
                if axis in pad_to:
                    checks.append(_room_check(value, place, axis, pad_to[axis]))
        with tf.control_dependencies(checks):
            sample = {
                name: tf.ensure_shape(tf.identity(value), shapes[name])
                for name, value in sample.items()
            }
        if watched:
            sample[_SIZE] = tf.stack(_sides(maps[0], tf.shape(sample[maps[0]])))
        return sample

    def unwatched(batch):
        sizes = batch.pop(_SIZE)
        with tf.control_dependencies([_same_size_check(sizes)]):
            return {name: tf.identity(value) for name, value in batch.items()}

    def batched(dataset):
        dataset = dataset.map(finished, num_parallel_calls=tf.data.AUTOTUNE)
        if padded_shapes == shapes and not any(None in s for s in shapes.values()):
            return dataset.batch(batch_size, drop_remainder)
        wanted = {**padded_shapes, **({_SIZE: [2]} if watched else {})}
        padding = {
            name: tf.constant(SAMPLE_KEYS[name].padding, SAMPLE_KEYS[name].dtype)
            for name in shapes
        }
        if watched:
            padding[_SIZE] = tf.constant(0)
        dataset = dataset.padded_batch(batch_size, wanted, padding, drop_remainder)
        return dataset.map(unwatched) if watched else dataset

    return batched


def _sides(name, shape):
    """Height and width in the shape of a key."""
    place = SAMPLE_KEYS[name].axis_names.index("height")
    return [shape[place], shape[place + 1]]


def _checked_axes(pad_to, names):
    """`pad_to` as a dict of axes that the keys have."""
    known = {axis for name in names for axis in SAMPLE_KEYS[name].axis_names}
    known = sorted(axis for axis in known if not axis.isdigit())
    for axis, size in (pad_to or {}).items():
        if axis not in known:
            raise ValueError(
                f"`pad_to` must name axes of the batch: {', '.join(known)}. "
                f"Received: {axis!r}."
            )
        check_integer(f"pad_to[{axis!r}]", size)
    return dict(pad_to or {})


def _common_size(reader, augmentation, batch_size, pad):
    """(height, width) that all images have after augmentation, or None."""
    crop_size = getattr(augmentation, "crop_size", None)
    if crop_size is not None:
        return crop_size
    if augmentation is not None and not hasattr(augmentation, "crop_size"):
        return None  # someone's own function: its sizes are its own affair
    sizes = getattr(reader, "sizes", None)
    if sizes is None:
        if pad or batch_size == 1:
            return None
        first = next(iter(reader.samples().take(1)))
        [name, *_] = spatial_keys(first)
        return tuple(_sides(name, first[name].shape))
    others = [number for number, size in enumerate(sizes) if size != sizes[0]]
    if not others:
        return tuple(int(side) for side in sizes[0])
    if pad or batch_size == 1:
        return None
    raise DataError(
        f"Images of different sizes cannot share a batch: sample 0 is {sizes[0]}, "
        f"sample {others[0]} is {sizes[others[0]]} (height, width).",
        "Pass pad=True to fill them up with void, an Augmentation with a `crop_size`, "
        "or batch_size=1.",
    )


def _size_check(name, value, size):
    return tf.debugging.assert_equal(
        tf.stack(_sides(name, tf.shape(value))),
        tf.constant(size, tf.int32),
        message=(
            f"Images of different sizes cannot share a batch; the first is {size} "
            "(height, width). Pass pad=True, an Augmentation with a `crop_size`, or "
            "batch_size=1."
        ),
    )


def _same_size_check(sizes):
    return tf.debugging.assert_equal(
        sizes,
        sizes[:1] + tf.zeros_like(sizes),
        message=(
            "Images of different sizes cannot share a batch. Pass pad=True, an "
            "augmentation that gives them one size, or batch_size=1."
        ),
    )


def _room_check(value, place, axis, size):
    return tf.debugging.assert_less_equal(
        tf.shape(value)[place],
        size,
        message=(
            f"A sample has more {axis} than there is room for. Received: "
            f"pad_to={{{axis!r}: {size}}}."
        ),
    )
