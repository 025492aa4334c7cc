import sys

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import (
    Augmentation,
    SelectiveSearch,
    check_sample,
    selective_search,
)
from tfrecvis.data import selective_search as function


def bars():
    """Dark, with a red and a blue bar; blue is darker than red in no grey."""
    image = np.zeros((48, 64, 3), "uint8")
    image[8:20, 10:50, 0] = 200
    image[28:44, 4:30, 2] = 200
    return image


def noise(seed=0):
    colours = np.random.default_rng(seed).integers(0, 256, (8, 12, 3))
    return colours.repeat(6, 0).repeat(5, 1).astype("uint8")


def test_plain_objects_are_regions():
    found = selective_search(bars(), min_size=8).tolist()
    assert [10, 8, 50, 20] in found and [4, 28, 30, 44] in found


def test_same_image_gives_the_same_regions_in_the_same_order():
    # OpenCV itself draws the order anew.
    first, second = (selective_search(noise(), min_size=4) for _ in range(2))
    assert len(first) > 20
    np.testing.assert_array_equal(first, second)
    assert first.dtype == "float32"


def test_regions_lie_in_the_image_and_none_comes_twice():
    found = selective_search(noise(1), min_size=4)
    assert len({tuple(box) for box in found}) == len(found)
    assert found.min() >= 0 and (found.max(0) <= [60, 48, 60, 48]).all()
    assert (found[:, 2:] - found[:, :2]).min() >= 4


def test_small_regions_are_left_out_before_the_first_ones_are_taken():
    everything = selective_search(noise(), min_size=1)
    sides = (everything[:, 2:] - everything[:, :2]).min(1)
    large = selective_search(noise(), min_size=20)
    assert 0 < len(large) < len(everything)
    wanted = {tuple(box) for box in everything[sides >= 20]}
    assert {tuple(box) for box in large} == wanted
    few = selective_search(noise(), 5, min_size=20)
    np.testing.assert_array_equal(few, large[:5])


def test_large_regions_tend_to_come_first():
    found = selective_search(noise(), min_size=1)
    areas = (found[:, 2:] - found[:, :2]).prod(1)
    half = len(areas) // 2
    assert areas[:half].mean() > 2 * areas[half:].mean()


def test_image_without_a_region_of_that_size_gives_none():
    assert selective_search(np.zeros((6, 6, 3), "uint8")).shape == (0, 4)
    padded = SelectiveSearch(3).search(np.zeros((6, 6, 3), "uint8"))
    np.testing.assert_array_equal(padded, np.zeros((3, 4)))


def test_sample_gets_padded_regions_that_move_with_the_image():
    sample = SelectiveSearch(40, min_size=8)({"image": tf.constant(bars())})
    check_sample(sample)
    regions = sample["regions"].numpy()
    assert regions.shape == (40, 4)
    expected = selective_search(bars(), 40, 8)
    np.testing.assert_array_equal(regions[: len(expected)], expected)
    assert not regions[len(expected) :].any()
    moved = Augmentation(scale=(2.0, 2.0), crop_size=(96, 128))(sample, (0, 0))
    np.testing.assert_allclose(moved["regions"], 2 * regions)


def test_regions_of_an_image_are_searched_once(monkeypatch):
    calls = []
    module = sys.modules[function.__module__]
    monkeypatch.setattr(module, "_FOUND", {})

    def counted(*arguments):
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(module, "selective_search", counted)
    first, again, other = SelectiveSearch(9), SelectiveSearch(9), SelectiveSearch(5)
    first.search(bars())
    again.search(bars())
    assert len(calls) == 1
    other.search(bars())
    first.search(noise())
    assert len(calls) == 3


def test_missing_opencv_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"opencv-contrib.*tfrecvis\[eval\]"):
        selective_search(bars())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_regions": 0}, "`num_regions` must be an integer of at least 1"),
        ({"min_size": 0.5}, "`min_size` must be an integer"),
        ({"image": bars()[..., 0]}, "`image` must be an RGB image"),
        ({"image": bars() / 255}, "dtype float64"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        selective_search(**{"image": bars(), **arguments})
    if "image" not in arguments:
        with pytest.raises(ValueError, match=message):
            SelectiveSearch(**arguments)
