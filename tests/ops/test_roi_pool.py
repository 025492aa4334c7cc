import numpy as np
import pytest
import tensorflow as tf
from reference.roi_align import roi_pool as slow_roi_pool

from tfrecvis.ops import chunks, lowering, roi_pool

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(2, 9, 12, 3)).astype("float32")
CORNERS = RNG.uniform(-8, 40, (2, 6, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(0, 34, (2, 6, 2))], -1)
BOXES = BOXES.astype("float32")
BOXES[0, 0] = [2, 6, 10, 14]  # a scale of 1/4 makes halves of them


@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
@pytest.mark.parametrize("budget", [2**26, 4000])
def test_roi_pool_matches_the_numpy_loop(budget, name, monkeypatch):
    monkeypatch.setattr(chunks, "BUDGET", budget)
    expected = slow_roi_pool(MAPS, BOXES, (3, 4), 0.25)
    traced = tf.function(lambda m, b: roi_pool(m, b, (3, 4), 0.25), autograph=False)
    with lowering(name):
        y = roi_pool(MAPS, BOXES, (3, 4), 0.25)
        np.testing.assert_array_equal(traced(MAPS, BOXES), y)
    np.testing.assert_array_equal(y, expected.astype("float32"))


def test_bins_outside_of_the_map_are_zero():
    maps = -np.ones((1, 4, 4, 1), "float32")
    y = roi_pool(maps, np.float32([[[2, 2, 9, 9]]]), 2)
    np.testing.assert_array_equal(y[0, 0, ..., 0], [[-1, 0], [0, 0]])


def test_eager_calls_see_all_of_a_box_that_is_larger_than_the_map():
    boxes = np.float32([[[-30, -30, 60, 50]]])
    y = roi_pool(MAPS[:1], boxes, (1, 2))
    np.testing.assert_array_equal(y, slow_roi_pool(MAPS[:1], boxes, (1, 2)).astype("f"))


@pytest.mark.parametrize("budget", [2**26, 4000])
def test_gradient_goes_to_the_largest_pixel_of_each_bin(budget, monkeypatch):
    monkeypatch.setattr(chunks, "BUDGET", budget)
    maps = tf.constant(MAPS)
    upstream = RNG.normal(size=(2, 6, 3, 4, 3))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        y = roi_pool(maps, BOXES, (3, 4), 0.25)
        loss = tf.reduce_sum(y * upstream.astype("float32"))
    gradient = tape.gradient(loss, maps).numpy()
    for _ in range(8):
        place = tuple(RNG.integers(MAPS.shape))
        step = np.zeros(MAPS.shape)
        step[place] = 1e-4
        losses = [
            (slow_roi_pool(MAPS + sign * step, BOXES, (3, 4), 0.25) * upstream).sum()
            for sign in (1, -1)
        ]
        expected = (losses[0] - losses[1]) / 2e-4
        np.testing.assert_allclose(gradient[place], expected, atol=1e-4)


def test_no_boxes_give_no_features_and_no_gradient():
    maps = tf.constant(MAPS)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        y = roi_pool(maps, BOXES[:, :0], (3, 4))
    assert y.shape == (2, 0, 3, 4, 3)
    np.testing.assert_array_equal(tape.gradient(y, maps), np.zeros(MAPS.shape))
