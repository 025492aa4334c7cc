import sys

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tfrecvis import ops
from tfrecvis.data import (
    Superpixels,
    SyntheticScenes,
    superpixel_neighbours,
    superpixels,
)

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (8, 12, 3))
IMAGE = NOISE.repeat(6, 0).repeat(5, 1).astype("uint8")  # 48 x 60
LABELS = superpixels(IMAGE, num_segments=40)


def adjacent(labels):
    """Pairs of labels of pixels side by side, pixel by pixel."""
    pairs = set()
    for r, c in np.ndindex(labels.shape):
        for s, d in ((r + 1, c), (r, c + 1)):
            if s < labels.shape[0] and d < labels.shape[1]:
                a, b = labels[r, c], labels[s, d]
                if a != b and a >= 0 and b >= 0:
                    pairs |= {(a, b), (b, a)}
    return pairs


def test_every_pixel_has_a_number_and_no_number_is_left_out():
    assert LABELS.shape == (48, 60)
    assert LABELS.dtype == "int32"
    np.testing.assert_array_equal(np.unique(LABELS), np.arange(LABELS.max() + 1))
    assert 10 <= LABELS.max() + 1 <= 60


def test_superpixels_are_in_one_piece():
    for number in range(LABELS.max() + 1):
        assert ndimage.label(number == LABELS)[1] == 1


def test_superpixels_are_numbered_from_left_to_right():
    numbers = range(LABELS.max() + 1)
    columns = [np.nonzero(number == LABELS)[1].mean() for number in numbers]
    assert (np.diff(columns) >= 0).all()


def test_superpixels_of_one_column_are_numbered_from_top_to_bottom():
    image = np.zeros((30, 10, 3), "uint8")
    image[:10], image[20:] = 255, 128
    labels = superpixels(image, num_segments=3)
    np.testing.assert_array_equal(labels, np.repeat([[0], [1], [2]], 10, 0) + [0] * 10)


def test_same_image_of_any_dtype_gives_the_same_superpixels():
    for dtype in ("uint8", "float32", "int64"):
        again = superpixels(IMAGE.astype(dtype), num_segments=40)
        np.testing.assert_array_equal(again, LABELS)


def test_more_segments_and_colour_make_a_difference():
    assert superpixels(IMAGE, num_segments=80).max() > LABELS.max()
    square = superpixels(IMAGE, num_segments=40, compactness=1000.0)
    assert (square != LABELS).any()


def test_neighbours_are_those_of_a_loop_over_pixels():
    labels = LABELS.copy()
    labels[20:30, 20:30] = -1  # pixels of none
    lists = superpixel_neighbours(labels)
    found = {(i, j) for i, row in enumerate(lists) for j in row if j >= 0}
    assert found == adjacent(labels)
    assert lists.dtype == "int32"
    for row in lists:
        real = row[row >= 0]
        assert (np.diff(real) > 0).all()  # the lowest first, none twice
        assert (row[len(real) :] == -1).all()


def test_neighbours_of_superpixels_make_a_graph():
    ops.check_graph(superpixel_neighbours(LABELS)[None])


def test_neighbours_that_do_not_fit_say_how_many_there_are():
    most = superpixel_neighbours(LABELS).shape[1]
    assert superpixel_neighbours(LABELS, most + 2).shape[1] == most + 2
    with pytest.raises(ValueError, match=f"max_neighbours={most - 1}. Use {most} or"):
        superpixel_neighbours(LABELS, most - 1)


def test_one_superpixel_has_no_neighbours():
    assert superpixel_neighbours(np.zeros((3, 4), int)).shape == (1, 0)
    np.testing.assert_array_equal(superpixel_neighbours([[0, 0]], 2), [[-1, -1]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2)), "dtype float64"),
        (np.zeros(3, int), r"shape \(3,\)"),
        (np.zeros((0, 2), int), r"shape \(0, 2\)"),
        (np.array([[0, -2]]), "lowest -2"),
    ],
)
def test_labels_that_are_no_map_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        superpixel_neighbours(labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": IMAGE[..., 0]}, r"RGB image .* image.shape=\(48, 60\)"),
        ({"image": IMAGE[..., :2]}, r"image.shape=\(48, 60, 2\)"),
        ({"image": IMAGE[:0]}, r"image.shape=\(0, 60, 3\)"),
        ({"image": IMAGE * np.nan}, "finite"),
        ({"image": IMAGE, "num_segments": 0}, "num_segments=0"),
        ({"image": IMAGE, "compactness": 0}, "compactness=0"),
        ({"image": IMAGE, "num_segments": "20"}, "num_segments='20'"),
        ({"image": IMAGE, "num_segments": None}, "num_segments=None"),
        ({"image": IMAGE, "num_segments": 20.5}, "num_segments=20.5"),
        ({"image": IMAGE, "num_segments": True}, "num_segments=True"),
        ({"image": IMAGE, "compactness": "1"}, "compactness='1'"),
    ],
)
def test_bad_input_of_superpixels_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        superpixels(**arguments)


def test_missing_library_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"pip install 'tfrecvis\[data\]'"):
        superpixels(IMAGE)


@pytest.mark.parametrize("most", ["2", 2.5, True, -1])
def test_room_for_neighbours_that_is_no_integer_is_refused(most):
    with pytest.raises(ValueError, match=f"`max_neighbours` must .*={most!r}"):
        superpixel_neighbours([[0, 1]], most)


# In a pipeline


def test_map_gives_batches_of_padded_graphs():
    reader = SyntheticScenes("train", count=3, size=(48, 64))
    pipeline = reader.samples().map(Superpixels(num_segments=30)).batch(3)
    assert pipeline.element_spec["neighbours"].shape == (None, 46, 24)
    (batch,) = pipeline
    assert set(batch) == {
        *("image", "labels", "file"),
        *("superpixels", "neighbours", "nodes"),
    }
    for image, labels, lists, nodes in zip(
        batch["image"],
        batch["superpixels"],
        batch["neighbours"],
        batch["nodes"].numpy(),
        strict=True,
    ):
        expected = superpixels(image, 30)
        np.testing.assert_array_equal(labels, expected)
        real = superpixel_neighbours(expected, 24)
        np.testing.assert_array_equal(nodes, np.arange(46) < len(real))
        np.testing.assert_array_equal(lists[: len(real)], real)
        assert (lists[len(real) :].numpy() == -1).all()
    ops.check_graph(batch["neighbours"], batch["nodes"])


def test_eager_call_is_the_same_as_the_map():
    add = Superpixels(num_segments=40, compactness=5.0, max_nodes=70, max_neighbours=20)
    sample = add({"image": IMAGE, "file": "a"})
    assert sample["file"] == "a"
    np.testing.assert_array_equal(sample["superpixels"], superpixels(IMAGE, 40, 5.0))
    assert sample["neighbours"].shape == (70, 20)
    dataset = tf.data.Dataset.from_tensors({"image": IMAGE}).map(add)
    (mapped,) = dataset
    np.testing.assert_array_equal(mapped["neighbours"], sample["neighbours"])


def test_sizes_may_be_integers_of_numpy():
    sample = Superpixels(np.int64(20), max_neighbours=np.int32(30))({"image": IMAGE})
    assert sample["neighbours"].shape == (33, 30)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"max_nodes": 5}, "superpixels, more than .* max_nodes=5. Use"),
        ({"max_neighbours": 2}, "neighbours, more than .* max_neighbours=2. Use"),
    ],
)
def test_graph_that_does_not_fit_stops_the_pipeline(sizes, message):
    data = tf.data.Dataset.from_tensors({"image": IMAGE})
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(data.map(Superpixels(num_segments=40, **sizes)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_segments": 0}, "at least 1. Received: num_segments=0"),
        ({"num_segments": "20"}, "Received: num_segments='20'"),
        ({"num_segments": None}, "Received: num_segments=None"),
        ({"compactness": "20"}, "Received: compactness='20'"),
        ({"max_nodes": 2.5}, "max_nodes=2.5"),
        ({"max_neighbours": -1}, "max_neighbours=-1"),
        ({"compactness": -1.0}, "compactness=-1.0"),
    ],
)
def test_bad_argument_of_the_map_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Superpixels(**arguments)
