"""Mosaics and sizes of batches, checked pixel by pixel, slowly."""

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import Augmentation, Reader, SyntheticObjects, batches
from tfrecvis.data.batch_augmentation import mosaic, resized_batch
from tfrecvis.data.reader import remember

COUNT, HEIGHT, WIDTH, BOXES = 5, 16, 22, 6


def batch_of_rectangles(seed=0):
    """Images that say which one each pixel is of, and where; masks that fill boxes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    masks = np.zeros((COUNT, BOXES, HEIGHT, WIDTH), "uint8")
    boxes = np.zeros((COUNT, BOXES, 4), "float32")
    classes = np.full((COUNT, BOXES), -1, "int32")
    for image in range(COUNT):
        for n in range(image + 1):
            x, y = rng.integers(0, WIDTH - 3), rng.integers(0, HEIGHT - 3)
            x2, y2 = rng.integers(x + 1, WIDTH), rng.integers(y + 1, HEIGHT)
            boxes[image, n], classes[image, n] = (x, y, x2, y2), 10 * image + n
            masks[image, n, y:y2, x:x2] = 1
    image = [np.stack([rows * 0 + n, rows, columns], -1) for n in range(COUNT)]
    return {
        "image": np.array(image, "uint8"),
        "labels": np.stack([100 * n + rows for n in range(COUNT)]).astype("int32"),
        "boxes": boxes,
        "classes": classes,
        "difficult": classes % 2 == 0,
        "masks": masks,
        "file": np.array([b"%d" % n for n in range(COUNT)], object),
    }


@pytest.mark.parametrize("seed", range(4))
def test_mosaic_shows_each_part_where_it_was_with_its_boxes(seed):
    batch = batch_of_rectangles(seed)
    found = mosaic(
        {name: tf.constant(value) for name, value in batch.items()}, (seed, 1), 1.0
    )
    found = {name: value.numpy() for name, value in found.items()}
    for index in range(COUNT):
        source = found["image"][index, ..., 0].astype(int)
        # Everything is in its own place, so the first column and row show the cut.
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        np.testing.assert_array_equal(found["image"][index, ..., 1], rows)
        np.testing.assert_array_equal(found["image"][index, ..., 2], columns)
        down = int(np.sum(source[:, 0] == index))
        across = int(np.sum(source[0] == index))
        assert HEIGHT // 4 <= down <= HEIGHT - HEIGHT // 4
        assert WIDTH // 4 <= across <= WIDTH - WIDTH // 4
        np.testing.assert_array_equal(found["labels"][index], 100 * source + rows)
        expected = []
        for number in range(4):
            other = (index + number) % COUNT
            y, x = down * (number // 2), across * (number % 2)
            y2 = HEIGHT if number // 2 else down
            x2 = WIDTH if number % 2 else across
            assert (source[y:y2, x:x2] == other).all()
            for n in range(other + 1):
                window = np.zeros((HEIGHT, WIDTH), "uint8")
                window[y:y2, x:x2] = batch["masks"][other, n, y:y2, x:x2]
                if window.sum() >= 0.25 * batch["masks"][other, n].sum():
                    expected.append((10 * other + n, window))
        classes = found["classes"][index]
        assert classes[classes >= 0].tolist() == [label for label, _ in expected]
        assert (classes[len(expected) :] == -1).all()
        for n, (label, window) in enumerate(expected):
            np.testing.assert_array_equal(found["masks"][index, n], window)
            ys, xs = np.nonzero(window)
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert found["boxes"][index, n].tolist() == box
            assert found["difficult"][index, n] == (label % 2 == 0)


def test_boxes_need_no_classes():
    batch = {k: tf.constant(v) for k, v in batch_of_rectangles().items()}
    whole = mosaic(batch, (3, 1), 1.0)["boxes"]
    del batch["classes"]
    np.testing.assert_array_equal(mosaic(batch, (3, 1), 1.0)["boxes"], whole)


def test_a_share_of_no_image_changes_nothing_but_the_padding():
    batch = batch_of_rectangles()
    found = mosaic({k: tf.constant(v) for k, v in batch.items()}, (0, 0), 0.0)
    for name, value in batch.items():
        np.testing.assert_array_equal(found[name], _cut(name, value, found[name].shape))


def _cut(name, value, shape):
    """The value without the padding that no image of the batch needs."""
    return value[:, : shape[1]] if value.shape[1:2] == (BOXES,) else value


def test_resized_batch_moves_boxes_and_maps_with_the_image():
    batch = batch_of_rectangles()
    batch["image_size"] = np.tile([HEIGHT, WIDTH], (COUNT, 1)).astype("int32")
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    found = resized_batch(tensors, (2 * HEIGHT, 3 * WIDTH))
    np.testing.assert_allclose(found["boxes"], batch["boxes"] * [3, 2, 3, 2])
    doubled = batch["masks"].repeat(2, axis=2).repeat(3, axis=3)
    np.testing.assert_array_equal(found["masks"], doubled)
    np.testing.assert_array_equal(
        found["labels"], batch["labels"].repeat(2, axis=1).repeat(3, axis=2)
    )
    assert found["image"].shape == (COUNT, 2 * HEIGHT, 3 * WIDTH, 3)
    assert found["image"].dtype == tf.uint8
    assert found["image_size"].numpy().tolist() == [[2 * HEIGHT, 3 * WIDTH]] * COUNT
    assert found["file"].numpy().tolist() == [b"%d" % n for n in range(COUNT)]


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: mosaic(batch, (3, 1), 1.0),
        lambda batch: resized_batch(batch, (7, 30)),
    ],
    ids=["mosaic", "resized"],
)
def test_each_frame_of_a_clip_changes_as_an_image_does(change):
    image = batch_of_rectangles()["image"]
    found = change({"image": tf.constant(image), "clip": tf.stack([image] * 3, 1)})
    assert found["clip"].dtype == tf.uint8
    for frame in range(3):
        np.testing.assert_array_equal(found["clip"][:, frame], found["image"])
    assert not np.array_equal(found["image"], image)


def drawn(first_epoch, epochs):
    augmentation = Augmentation(mosaic=0.5, sizes=[(32, 32), (48, 40), (64, 64)])
    reader = SyntheticObjects("train", count=12, size=(48, 48))
    return list(
        batches(
            reader,
            1,
            augmentation,
            inputs=None,
            first_epoch=first_epoch,
            epochs=epochs,
        ).as_numpy_iterator()
    )


def test_batches_have_one_size_for_ten_batches_and_resume():
    whole = drawn(0, 4)
    sizes = [batch["image"].shape[1:3] for batch in whole]
    for epoch in range(4):  # of twelve batches
        first, second = (
            sizes[12 * epoch : 12 * epoch + 10],
            sizes[12 * epoch + 10 :][:2],
        )
        assert len(set(first)) == len(set(second)) == 1
    assert len(set(sizes)) > 1
    for old, new in zip(whole[24:], drawn(2, 2), strict=True):
        for name, value in old.items():
            np.testing.assert_array_equal(new[name], value)


def test_what_cannot_be_a_mosaic_is_refused():
    mixing = Augmentation(mosaic=0.5)
    reader = SyntheticObjects("train", count=4, size=(48, 48))
    with pytest.raises(ValueError, match="`pad_to` cannot fix"):
        batches(reader, 2, mixing, inputs=None, pad_to={"boxes": 9})
    sizes = Reader(["object"])
    images = [np.zeros((8 + n, 8, 3), "uint8") for n in range(2)]
    remember(sizes, [{"image": image} for image in images])
    with pytest.raises(ValueError, match="A mosaic needs images of one size"):
        batches(sizes, 2, mixing, inputs=None, pad=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mosaic": 2}, "`mosaic` must lie in"),
        ({"sizes": []}, "`sizes` must be a list of"),
        ({"sizes": 64}, "`sizes` must be a list of"),
        ({"sizes": [64, 64]}, "`sizes` must be a tuple of 2 integers"),
        ({"sizes": [(0, 4)]}, "`sizes` must be a tuple of 2 integers of at least 1"),
        ({"sizes": [(3.7, 4)]}, "`sizes` must be a tuple of 2 integers"),
        ({"mosaic": True}, "`mosaic` must be a finite number"),
        ({"mosaic": "abc"}, "`mosaic` must be a finite number"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)
