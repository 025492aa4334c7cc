import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from reference.roi_align import roi_align as slow_roi_align

from tfrecvis.ops import chunks, lowering, roi_align

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(2, 9, 12, 3)).astype("float32")
CORNERS = RNG.uniform(-8, 40, (2, 6, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(0, 34, (2, 6, 2))], -1)
BOXES = BOXES.astype("float32")
FIVE = np.arange(25, dtype="float32").reshape(1, 5, 5, 1)

every_ratio = pytest.mark.parametrize("ratio", [1, 2, 3, 0])
every_lowering = pytest.mark.parametrize("name", ["tensor_array", "buffer"])


def pooled(maps, box, *args, **kwargs):
    """The bins of one box in one image of one channel."""
    boxes = np.array([[box]], "float32")
    return ops.convert_to_numpy(roi_align(maps, boxes, *args, **kwargs))[0, 0, ..., 0]


@every_lowering
@every_ratio
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_matches_the_numpy_loop(ratio, aligned, name):
    expected = slow_roi_align(MAPS, BOXES, (3, 4), 0.25, ratio, aligned)
    with lowering(name):
        y = roi_align(MAPS, BOXES, (3, 4), 0.25, ratio, aligned)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@every_ratio
def test_boxes_of_any_number_are_taken_in_chunks(ratio, monkeypatch):
    function = tf.function(
        lambda maps, boxes: roi_align(maps, boxes, (3, 4), 0.25, ratio),
        input_signature=[
            tf.TensorSpec((None, None, None, 3)),
            tf.TensorSpec((None, None, 4)),
        ],
        autograph=False,
    )
    for budget in (2**26, 4000):  # of bytes; the second is less than two boxes need
        monkeypatch.setattr(chunks, "BUDGET", budget)
        for count in (0, 1, 5):
            expected = slow_roi_align(MAPS, BOXES[:, :count], (3, 4), 0.25, ratio)
            y = function(MAPS, BOXES[:, :count])
            np.testing.assert_allclose(y, expected, atol=1e-5)


# torchvision and Detectron2, tests of RoIAlign.
ADAPTIVE = [[7.5, 8, 8.5, 9], [10, 10.5, 11, 11.5], [12.5, 13, 13.5, 14]]
ADAPTIVE = np.array([*ADAPTIVE, [15, 15.5, 16, 16.5]])


@every_lowering
def test_adaptive_bins_of_a_ramp_are_those_of_detectron2(name):
    with lowering(name):
        y = pooled(FIVE, [1, 1, 3, 3], 4, sampling_ratio=0, aligned=False)
        np.testing.assert_allclose(y, ADAPTIVE)
        y = pooled(FIVE, [1, 1, 3, 3], 4, sampling_ratio=0)
        np.testing.assert_allclose(y, ADAPTIVE - 3)


@every_lowering
@pytest.mark.parametrize(
    ("box", "scale", "unaligned", "aligned"),
    [
        ([0.5, 0.5, 4, 4], 1.0, [8.25, 10, 17, 18.75], [5.25, 7, 14, 15.75]),
        ([3, 3, 7, 7], 1.0, [22.5, 0, 0, 0], [21, 10.75, 11.75, 6]),
        ([2, 2, 6, 6], 0.5, [9, 10, 14, 15], [6, 7, 11, 12]),
    ],
)
def test_four_bins_of_a_ramp_are_those_of_torchvision(
    box, scale, unaligned, aligned, name
):
    with lowering(name):
        y = pooled(FIVE, box, 2, scale, aligned=False)
        np.testing.assert_allclose(y.ravel(), unaligned)
        np.testing.assert_allclose(pooled(FIVE, box, 2, scale).ravel(), aligned)


def test_empty_box_gives_zeros_and_no_gradient():
    maps, boxes = tf.constant(FIVE), tf.constant([[[3.0, 4.0, 5.0, 4.0]]])
    with tf.GradientTape() as tape:
        tape.watch((maps, boxes))
        y = roi_align(maps, boxes, 4, sampling_ratio=0, box_gradients=True)
    np.testing.assert_array_equal(y, np.zeros((1, 1, 4, 4, 1)))
    gradients = tape.gradient(y, (maps, boxes))
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


@every_ratio
def test_no_boxes_give_no_features_and_no_gradient(ratio):
    maps = tf.constant(MAPS)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        y = roi_align(maps, BOXES[:, :0], (3, 4), sampling_ratio=ratio)
    assert y.shape == (2, 0, 3, 4, 3)
    np.testing.assert_array_equal(tape.gradient(y, maps), np.zeros(MAPS.shape))


@every_lowering
@every_ratio
@pytest.mark.parametrize("budget", [2**26, 4000])
def test_gradients_are_the_finite_differences(ratio, budget, name, monkeypatch):
    monkeypatch.setattr(chunks, "BUDGET", budget)
    boxes = BOXES.copy()
    maps, watched = tf.constant(MAPS), tf.constant(boxes)
    upstream = RNG.normal(size=(2, 6, 3, 4, 3))
    with lowering(name), tf.GradientTape() as tape:
        tape.watch((maps, watched))
        y = roi_align(maps, watched, (3, 4), 0.25, ratio, box_gradients=True)
        loss = tf.reduce_sum(y * upstream.astype("float32"))
    to_maps, to_boxes = (g.numpy() for g in tape.gradient(loss, (maps, watched)))

    def slope(moved_maps, moved_boxes):
        signs = zip((1, -1), moved_maps, moved_boxes, strict=True)
        return sum(
            sign * (slow_roi_align(m, b, (3, 4), 0.25, ratio) * upstream).sum()
            for sign, m, b in signs
        )

    for _ in range(4):
        place = tuple(RNG.integers(MAPS.shape))
        step = np.zeros(MAPS.shape)
        step[place] = 0.5  # linear in the maps: any step is exact
        expected = slope((MAPS + step, MAPS - step), (boxes, boxes))
        np.testing.assert_allclose(to_maps[place], expected, atol=1e-4)
        place = tuple(RNG.integers(boxes.shape))
        step = np.zeros(boxes.shape)
        step[place] = 1e-6  # a kink is that near with a chance of 1e-4
        moved = boxes.astype("float64")
        expected = slope((MAPS, MAPS), (moved + step, moved - step)) / 2e-6
        np.testing.assert_allclose(to_boxes[place], expected, atol=2e-3)


def test_boxes_get_a_gradient_only_when_asked():
    boxes = tf.constant(BOXES)
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        y = roi_align(MAPS, boxes, 2, 0.25)
    assert tape.gradient(y, boxes) is None


def test_shifting_the_map_and_the_boxes_changes_nothing():
    inner = np.zeros((1, 16, 16, 3), "float32")
    inner[:, 4:9, 4:9] = RNG.normal(size=(5, 5, 3))
    boxes = np.array([[[4.3, 4.1, 8.2, 9.0], [5.0, 4.4, 9.7, 6.6]]], "float32")
    moved = np.roll(inner, (3, 2), (1, 2))
    y = roi_align(inner, boxes, 3)
    shifted = roi_align(moved, boxes + np.float32([2, 3, 2, 3]), 3)
    np.testing.assert_allclose(y, shifted, atol=1e-5)


@every_ratio
def test_flipping_the_map_and_the_boxes_flips_the_bins(ratio):
    width = MAPS.shape[2] * 4.0
    flipped = BOXES[..., [2, 1, 0, 3]] * np.float32([-1, 1, -1, 1])
    flipped = flipped + np.float32([width, 0, width, 0])
    y = roi_align(MAPS, BOXES, (3, 4), 0.25, ratio)
    mirrored = roi_align(MAPS[:, :, ::-1], flipped, (3, 4), 0.25, ratio)
    np.testing.assert_allclose(y, mirrored[:, :, :, ::-1], atol=2e-5)


@every_lowering
@every_ratio
def test_box_of_a_pyramid_is_read_from_its_level_only(ratio, name):
    scales = (1 / 4, 1 / 8, 1 / 16)
    maps = [
        RNG.normal(size=(2, *s, 3)).astype("f") for s in ((24, 16), (12, 8), (6, 4))
    ]
    # Sides of 224 belong to level 4; below 112 to level 2, at 112 to level 3.
    sides = np.float32([20, 111.9, 112, 223.9, 224, 1000])
    boxes = np.stack([[*(0.1 * s, 0.05 * s), *(1.1 * s, 1.05 * s)] for s in sides])
    boxes = np.repeat(boxes[None].astype("float32"), 2, 0)
    with lowering(name):
        y = roi_align(maps, boxes, 2, scales, ratio)
    for n, level in enumerate((0, 0, 1, 1, 2, 2)):
        box = boxes[:, n : n + 1]
        expected = slow_roi_align(maps[level], box, (2, 2), scales[level], ratio)
        np.testing.assert_allclose(y[:, n : n + 1], expected, atol=1e-5)


def test_traced_adaptive_grid_is_exact_up_to_the_size_of_the_map():
    function = tf.function(lambda b: roi_align(FIVE, b, 2, sampling_ratio=0))
    for side, exact in ((5.0, True), (9.0, False)):
        boxes = np.array([[[-1, -1, side - 1, side - 1]]], "float32")
        expected = slow_roi_align(FIVE, boxes, (2, 2), 1, 0)
        np.testing.assert_allclose(
            roi_align(FIVE, boxes, 2, sampling_ratio=0), expected, atol=1e-5
        )
        assert np.allclose(function(boxes), expected, atol=1e-5) == exact


@pytest.mark.parametrize(
    ("maps", "scale", "message"),
    [
        ([FIVE, FIVE], 0.5, "one number for each map"),
        ([FIVE, FIVE], (0.5, 0.125), r"go on in halves"),
        ([FIVE, FIVE], (0.3, 0.15), r"powers of two, such as"),
        (FIVE, 0, "`spatial_scale` must be a finite number above 0"),
        (FIVE[:, :0], 1.0, "must have pixels"),
    ],
)
def test_maps_and_scales_that_do_not_fit_are_refused(maps, scale, message):
    with pytest.raises(ValueError, match=message):
        roi_align(maps, np.ones((1, 1, 4), "float32"), 2, scale)
