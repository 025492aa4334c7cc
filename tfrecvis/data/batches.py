"""Batches for `fit`, in an order that a resumed run finds again."""

import tensorflow as tf

from tfrecvis.data.reader import VOID


def batches(
    reader,
    batch_size,
    augmentation=None,
    seed=0,
    first_epoch=0,
    epochs=1,
    shuffle=True,
    drop_remainder=False,
    pad=False,
    shuffle_buffer=1024,
):
    """Batches of images and labels, shuffled anew in each epoch.

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

    Args:
        reader: Any reader; see `tfrecvis.data`.
        batch_size: Integer. The last batch of an epoch is smaller when the samples
            do not come out even.
        augmentation: An `Augmentation`, or any function of a sample dict and a
            seed (two integers) that returns a sample dict, or None.
        seed: Integer.
        first_epoch: Integer, the number of the first epoch.
        epochs: Integer, how many epochs follow one another.
        shuffle: Boolean. False keeps the reader's order.
        drop_remainder: Boolean, leave out an epoch's last batch when it is smaller.
        pad: Boolean, fill images of different sizes up to the largest of their
            batch, at the right and the bottom: images with 0, labels with void.
        shuffle_buffer: Integer, how many samples are mixed at a time for readers
            that give samples in sequence alone (no `load`).

    Returns:
        `tf.data.Dataset` of `(images, labels)`: `(batch, height, width, 3)` uint8,
        RGB 0-255, and `(batch, height, width)` int32, 255 = void.

    Raises:
        ValueError: The reader is empty, a number is out of range, or images of
            different sizes would meet in a batch and `pad` is False.

    Example:

    >>> from tfrecvis.data import SyntheticScenes
    >>> reader = SyntheticScenes("train", count=5, size=(48, 48))
    >>> [len(images) for images, labels in batches(reader, batch_size=2)]
    [2, 2, 1]
    """
    steps = steps_per_epoch(reader, batch_size, drop_remainder)
    if first_epoch < 0 or epochs < 1:
        raise ValueError(
            "`first_epoch` must be 0 or more and `epochs` 1 or more. "
            f"Received: first_epoch={first_epoch}, epochs={epochs}."
        )
    size = _common_size(reader, augmentation, batch_size, pad)
    count = len(reader)
    random_access = getattr(reader, "load", None) is not None

    def epoch_samples(epoch_seed):
        """(number, sample) pairs of one epoch."""
        if not random_access:
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
            lambda number: (number, reader.load(number)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    def finished(number, sample, epoch_seed):
        if augmentation is not None:
            own_seed = tf.random.experimental.stateless_fold_in(epoch_seed, number)
            sample = augmentation(sample, own_seed)
        image, labels = sample["image"], sample["labels"]
        if size is not None:
            with tf.control_dependencies([_size_check(labels, size)]):
                image = tf.ensure_shape(tf.identity(image), [*size, 3])
                labels = tf.ensure_shape(tf.identity(labels), size)
        return image, labels

    def epoch_batches(epoch):
        epoch_seed = tf.stack([tf.cast(seed, tf.int64), epoch])
        dataset = epoch_samples(epoch_seed).map(
            lambda number, sample: finished(number, sample, epoch_seed),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        if not pad:
            return dataset.batch(batch_size, drop_remainder)
        return dataset.padded_batch(
            batch_size,
            padded_shapes=([None, None, 3], [None, None]),
            padding_values=(tf.constant(0, tf.uint8), tf.constant(VOID)),
            drop_remainder=drop_remainder,
        )

    numbers = tf.data.Dataset.range(first_epoch, first_epoch + epochs)
    dataset = numbers.flat_map(epoch_batches)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps * epochs))
    return dataset.prefetch(tf.data.AUTOTUNE)


def steps_per_epoch(reader, batch_size, drop_remainder=False):
    """How many batches an epoch has.

    Raises:
        ValueError: There is no batch.

    Example:

    >>> steps_per_epoch(range(5), batch_size=2)
    3
    """
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be 1 or more. Received: batch_size={batch_size}."
        )
    steps = (
        len(reader) // batch_size if drop_remainder else -(-len(reader) // batch_size)
    )
    if not steps:
        raise ValueError(
            f"{len(reader)} samples make no batch of {batch_size}"
            + (" when the remainder is dropped." if len(reader) else ".")
            + " Use a smaller `batch_size`, or check the data set."
        )
    return steps


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
        return tuple(first["labels"].shape)
    others = [number for number, size in enumerate(sizes) if size != sizes[0]]
    if not others:
        return tuple(int(side) for side in sizes[0])
    if pad or batch_size == 1:
        return None
    raise ValueError(
        f"Images of different sizes cannot share a batch: sample 0 is {sizes[0]}, "
        f"sample {others[0]} is {sizes[others[0]]} (height, width). Pass pad=True to "
        "fill them up with void, an Augmentation with a `crop_size`, or batch_size=1."
    )


def _size_check(labels, size):
    return tf.debugging.assert_equal(
        tf.shape(labels),
        tf.constant(size, tf.int32),
        message=(
            f"Images of different sizes cannot share a batch; the first is {size} "
            "(height, width). Pass pad=True, an Augmentation with a `crop_size`, or "
            "batch_size=1."
        ),
    )
