import numpy as np
import pytest

from tfrecvis.ops import paste_masks

RNG = np.random.default_rng(0)
MASKS = RNG.uniform(size=(2, 3, 4, 5)).astype("float32")
BOXES = np.float32([[1, 2, 9, 6.5], [-3, 4, 5, 14], [2.2, 1.1, 2.9, 9]])
BOXES = np.stack([BOXES, BOXES[::-1] + 0.3])


def pixel(mask, v, u):
    """The mask at a point, zeros around it."""
    rows, columns = mask.shape
    total = 0.0
    for i, j in np.ndindex(rows, columns):
        total += mask[i, j] * max(0, 1 - abs(v - i)) * max(0, 1 - abs(u - j))
    return total


def test_pasted_masks_match_the_numpy_loop():
    images = np.array(paste_masks(MASKS, BOXES, 11, 13))
    for b, n, y, x in np.ndindex(2, 3, 11, 13):
        x1, y1, x2, y2 = BOXES[b, n].astype("float64")
        v = (y + 0.5 - y1) / (y2 - y1) * 4 - 0.5
        u = (x + 0.5 - x1) / (x2 - x1) * 5 - 0.5
        expected = pixel(MASKS[b, n], v, u)
        np.testing.assert_allclose(images[b, n, y, x], expected, atol=1e-5)


def test_full_mask_fills_its_box_and_nothing_else():
    image = paste_masks(np.ones((1, 6, 6), "f"), np.float32([[0, 2, 6, 8]]), 10, 10)
    expected = np.zeros((10, 10))
    expected[2:8, 0:6] = 1
    np.testing.assert_allclose(image[0], expected, atol=1e-6)


@pytest.mark.parametrize("side", [3, 7, 28])
def test_full_mask_of_any_size_fills_its_box_at_a_half(side):
    boxes = np.float32([[3, 1, 17, 12]])
    image = paste_masks(np.ones((1, side, side), "f"), boxes, 20, 20).numpy()[0]
    expected = np.zeros((20, 20), bool)
    expected[1:12, 3:17] = True
    if side == 3:  # its pixels are large: both fades meet in the corners
        expected[[1, 1, 11, 11], [3, 16, 3, 16]] = False
    np.testing.assert_array_equal(image >= 0.5, expected)


def test_box_without_area_and_no_boxes():
    assert not paste_masks(MASKS[0, :1], np.float32([[3, 3, 3, 8]]), 9, 9).numpy().any()
    assert paste_masks(MASKS[0, :0], BOXES[0, :0], 9, 9).shape == (0, 9, 9)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (BOXES[:, :2], r"boxes.shape=\(2, 2, 4\)"),
        (-BOXES, "x1 <= x2"),
        (np.clip(BOXES, 0, 1), "in pixels"),
    ],
)
def test_boxes_that_do_not_fit_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        paste_masks(MASKS, boxes, 9, 9)
