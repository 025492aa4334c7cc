import math

import numpy as np
import pytest
import tensorflow as tf
from reference.suppression import iou as slow_iou

from tfrecvis import ops

RNG = np.random.default_rng(0)
CORNERS = RNG.uniform(-5, 20, (2, 7, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(0.5, 20, (2, 7, 2))], -1)
BOXES = BOXES.astype("float32")
OTHERS = BOXES[::-1, ::-1] + RNG.uniform(-1, 1, (2, 7, 1)).astype("float32")
# torchvision's test of box_iou: the last is compared with the first three.
FOUR = np.float32(
    [[0, 0, 100, 100], [0, 0, 50, 50], [200, 200, 300, 300], [0, 0, 25, 25]]
)


def slow_overlap(a, b, kind):
    """The equations of the papers for two boxes."""
    iou = slow_iou(a, b)
    hull = [*np.minimum(a[:2], b[:2]), *np.maximum(a[2:], b[2:])]
    width, height = hull[2] - hull[0], hull[3] - hull[1]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    joint = sum(areas) / (1 + iou)
    if kind == "iou":
        return iou
    if kind == "giou":
        return iou - (width * height - joint) / (width * height)
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (a, b)]
    diou = iou - math.dist(*centres) ** 2 / (width**2 + height**2)
    if kind == "diou":
        return diou
    angles = [math.atan2(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    return diou - v**2 / (1 - iou + v)


def test_overlap_of_four_boxes_is_that_of_torchvision():
    expected = [[1, 0.25, 0], [0.25, 1, 0], [0, 0, 1], [0.0625, 0.25, 0]]
    np.testing.assert_array_equal(ops.pairwise_iou(FOUR, FOUR[:3]), expected)
    giou = ops.box_overlap(FOUR[0], FOUR[2], "giou")
    np.testing.assert_allclose(giou, -0.7778, atol=1e-4)


@pytest.mark.parametrize(
    ("other", "loss"),
    # Identical, a quarter of it, side by side, at a corner: torchvision's GIoU loss.
    [((0, 0, 2, 2), 0), ((0, 0, 1, 1), 0.75), ((2, 0, 4, 2), 1), ((2, 2, 4, 4), 1.5)],
)
def test_giou_loss_is_that_of_torchvision(other, loss):
    giou = ops.box_overlap(np.float32([0, 0, 2, 2]), np.float32(other), "giou")
    assert 1 - float(giou) == loss


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
def test_overlap_matches_the_equations(kind):
    y = np.array(ops.box_overlap(BOXES, OTHERS, kind))
    pairs = np.array(ops.pairwise_iou(BOXES, OTHERS, kind))
    assert pairs.shape == (2, 7, 7)
    for b, n in np.ndindex(2, 7):
        a = BOXES[b, n].astype("float64")
        expected = slow_overlap(a, OTHERS[b, n].astype("float64"), kind)
        np.testing.assert_allclose(y[b, n], expected, atol=1e-5)
        np.testing.assert_array_equal(pairs[b, n, n], y[b, n])
        expected = slow_overlap(a, OTHERS[b, 0].astype("float64"), kind)
        np.testing.assert_allclose(pairs[b, n, 0], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
def test_boxes_without_area_have_finite_overlaps_and_gradients(kind):
    boxes = tf.constant([[1.0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 4]])
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        y = ops.box_overlap(boxes, boxes, kind)
    np.testing.assert_array_equal(y, np.zeros(3))
    assert np.isfinite(tape.gradient(y, boxes)).all()


def test_alpha_of_ciou_is_a_constant_to_gradients():
    boxes = tf.constant(BOXES)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(boxes)
        ciou, diou = (ops.box_overlap(boxes, OTHERS, k) for k in ("ciou", "diou"))
        w, h = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
        theirs = np.arctan2(
            OTHERS[..., 2] - OTHERS[..., 0], OTHERS[..., 3] - OTHERS[..., 1]
        )
        v = 4 / math.pi**2 * tf.square(tf.atan(w / h) - theirs)
        iou = ops.box_overlap(BOXES, OTHERS)
        expected = diou - v * (v.numpy() / (1 - iou + v.numpy()))
    got, wanted = (tape.gradient(y, boxes) for y in (ciou, expected))
    np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("target", ops.boxes.FORMATS)
@pytest.mark.parametrize("source", ops.boxes.FORMATS)
def test_formats_there_and_back(source, target):
    size = {"height": 40, "width": 50}
    boxes = ops.convert_boxes(BOXES, "xyxy", source, **size)
    boxes = ops.convert_boxes(boxes, source, target, **size)
    boxes = ops.convert_boxes(boxes, target, "xyxy", **size)
    np.testing.assert_allclose(boxes, BOXES, atol=1e-4)


@pytest.mark.parametrize(
    ("boxes", "source", "target", "message"),
    [
        ([[3, 0, 1, 2]], "xyxy", "xywh", "x1 <= x2"),
        ([[3, 0, -1, 2]], "xywh", "xyxy", "x1 <= x2"),
        ([[0, 0, 0.5, 1]], "xyxy", "rel_xyxy", "must be in pixels"),
        ([[0, 0, 3]], "xyxy", "xywh", r"\(..., 4\)"),
        ([[0, 0, 3, np.nan]], "xywh", "xyxy", "must be finite"),
        ([[0, 0, 3, 4]], "ltrb", "xyxy", "source='ltrb'"),
    ],
)
def test_boxes_that_are_not_what_was_said_are_refused(boxes, source, target, message):
    with pytest.raises(ValueError, match=message):
        ops.convert_boxes(np.float32(boxes), source, target, height=40, width=50)


def test_relative_formats_need_the_size_of_the_image():
    with pytest.raises(ValueError, match="height=None, width=50. Give both"):
        ops.convert_boxes(BOXES, "xyxy", "rel_xyxy", width=50)


@pytest.mark.parametrize(
    ("anchor", "deltas", "expected"),
    [  # centre, width, height
        ([10, 20, 30, 40], [0.5, -0.2, 0, math.log(2)], [25, 12, 30, 80]),
        (
            [-30, 50, 100, 200],
            [0, -0.5, math.log(0.5), math.log(1.1)],
            [-30, -50, 50, 220],
        ),
    ],
)
def test_decoded_box_is_that_of_the_field(anchor, deltas, expected):
    anchor = ops.convert_boxes(np.float32(anchor), "center_xywh", "xyxy")
    box = ops.decode_boxes(np.float32(deltas), anchor)
    box = ops.convert_boxes(box, "xyxy", "center_xywh")
    np.testing.assert_allclose(box, expected, rtol=1e-5)


def test_decoding_undoes_encoding():
    weights = (10, 10, 5, 5)
    deltas = ops.encode_boxes(OTHERS, BOXES, weights)
    np.testing.assert_allclose(
        ops.decode_boxes(deltas, BOXES, weights), OTHERS, atol=1e-4
    )
    ratio = np.array(deltas) / np.array(ops.encode_boxes(OTHERS, BOXES))
    np.testing.assert_allclose(ratio, np.broadcast_to(weights, ratio.shape), rtol=1e-4)


def test_deltas_of_padding_are_finite():
    zeros = np.zeros((3, 4), "float32")
    assert np.isfinite(ops.encode_boxes(zeros, BOXES[0, :3])).all()
    assert np.isfinite(ops.encode_boxes(BOXES[0, :3], zeros)).all()


def test_no_delta_makes_an_infinite_box():
    box = ops.decode_boxes(np.float32([0, 0, 1e4, 1e4]), np.float32([0, 0, 16, 16]))
    np.testing.assert_allclose(box, [-492, -492, 508, 508], rtol=1e-5)


def test_clipped_boxes_lie_within_the_image():
    clipped = np.array(ops.clip_boxes(BOXES, height=12, width=18))
    expected = np.clip(BOXES, 0, [18, 12, 18, 12])
    np.testing.assert_array_equal(clipped, expected)
    outside = ops.clip_boxes(np.float32([[30, 30, 40, 40]]), 12, 18)
    assert float(ops.box_area(outside)[0]) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.box_overlap(BOXES, BOXES, "mou"), "kind='mou'"),
        (lambda: ops.box_overlap(BOXES, -BOXES), "`others` must be .* x1 <= x2"),
        (lambda: ops.encode_boxes(BOXES, BOXES, (1, 1, 0, 1)), "four numbers above 0"),
        (lambda: ops.encode_boxes(BOXES, BOXES, (1, 1)), "four numbers above 0"),
        (lambda: ops.decode_boxes(BOXES[..., :3], BOXES), r"\(..., 4\)"),
        (lambda: ops.clip_boxes(abs(BOXES) / 1e9, 9, 9), "x1 <= x2|in pixels"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
