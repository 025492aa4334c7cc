import functools

import numpy as np
import pytest
import tensorflow as tf
from reference import suppression as slow

from tfrecvis.ops import lowering, soft_suppress, suppress, take_kept

RNG = np.random.default_rng(0)
B, N = 2, 400  # some tiles
CORNERS = RNG.uniform(0, 60, (B, N, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(0, 30, (B, N, 2))], -1)
BOXES = BOXES.astype("float32")
SCORES = RNG.uniform(size=(B, N)).astype("float32")
CLASSES = RNG.integers(-1, 3, (B, N))


def indices(kept):
    """The kept indices of each image, after a look at the padding."""
    found = []
    for places, scores, count in zip(*(np.array(x) for x in kept), strict=True):
        assert (places[count:] == -1).all()
        assert (scores[count:] == 0).all()
        assert (places[:count] >= 0).all()
        found.append(places[:count].tolist())
    return found


def one_image(boxes, scores, **options):
    boxes, scores = np.array([boxes], "float32"), np.array([scores], "float32")
    return indices(suppress(boxes, scores, **options))[0]


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("max_outputs", [1, 50, 500])
def test_suppression_matches_the_numpy_loop(max_outputs, threshold, by_class):
    classes = CLASSES if by_class else None
    kept = suppress(BOXES, SCORES, max_outputs, threshold, 0.1, classes)
    for b, found in enumerate(indices(kept)):
        scores, kinds = SCORES[b], None
        if by_class:
            scores, kinds = np.where(CLASSES[b] < 0, -1, scores), CLASSES[b]
        expected = slow.suppress(BOXES[b], scores, max_outputs, threshold, 0.1, kinds)
        assert found == expected
        np.testing.assert_array_equal(kept.scores[b][: len(found)], scores[found])


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("method", ["gaussian", "linear"])
@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
def test_soft_suppression_matches_the_numpy_loop(name, method, by_class):
    classes = CLASSES if by_class else None

    def lower(iou):
        if method == "gaussian":
            return np.exp(-(iou**2) / 0.4)
        return 1 - iou if iou > 0.2 else 1

    with lowering(name):
        kept = soft_suppress(BOXES, SCORES, 40, method, 0.4, 0.2, 0.3, classes)
    for b, found in enumerate(indices(kept)):
        scores, kinds = SCORES[b], None
        if by_class:
            scores, kinds = np.where(CLASSES[b] < 0, -1, scores), CLASSES[b]
        expected = slow.soft_suppress(BOXES[b], scores, 40, lower, 0.3, kinds)
        assert found == [place for place, _ in expected]
        values = [score for _, score in expected]
        np.testing.assert_allclose(kept.scores[b][: len(found)], values, atol=1e-6)


def test_one_graph_takes_every_batch_and_number_of_boxes():
    signature = [tf.TensorSpec((None, None, 4)), tf.TensorSpec((None, None))]
    run = functools.partial(suppress, max_outputs=30, iou_threshold=0.4)
    function = tf.function(run, input_signature=signature, autograph=False)
    for batch, count in ((2, 400), (1, 129), (2, 1), (2, 0), (0, 5)):
        boxes, scores = BOXES[:batch, :count], SCORES[:batch, :count]
        expected = [
            slow.suppress(b, s, 30, 0.4) for b, s in zip(boxes, scores, strict=True)
        ]
        assert indices(function(boxes, scores)) == expected


# The test of TensorFlow's `non_max_suppression`, corners sorted.
SIX = [(0, 0, 1, 1), (0.1, 0, 1.1, 1), (-0.1, 0, 0.9, 1)]
SIX = [*SIX, (10, 0, 11, 1), (10.1, 0, 11.1, 1), (100, 0, 101, 1)]


def test_six_boxes_are_suppressed_as_by_tensorflow():
    scores = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3]
    kept = one_image(SIX, scores, iou_threshold=0.5, score_threshold=0.4)
    assert kept == [3, 0]
    assert (
        kept == tf.image.non_max_suppression(SIX, scores, 6, 0.5, 0.4).numpy().tolist()
    )


@pytest.mark.parametrize("tenths", range(1, 10))
def test_box_at_the_threshold_is_kept_and_one_above_it_dropped(tenths):
    boxes = [[0, 0, 10, 1], [0, 0, tenths, 1]]  # an IoU of tenths / 10
    assert one_image(boxes, [0.9, 0.8], iou_threshold=tenths / 10) == [0, 1]
    assert one_image(boxes, [0.9, 0.8], iou_threshold=tenths / 10 - 1e-6) == [0]


def test_of_equal_scores_the_lower_index_comes_first():
    boxes = [[0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6], [5, 5, 6, 6]]
    assert one_image(boxes, [0.5] * 4) == [0, 2]


def test_boxes_without_area_and_scores_of_nan():
    boxes = [[1, 1, 1, 5], [1, 1, 1, 5], [0, 0, 4, 4], [0, 0, 3, 3]]
    assert one_image(boxes, [0.9, 0.8, 0.7, np.nan]) == [0, 1, 2]


def test_score_at_the_threshold_is_no_candidate():
    assert one_image(SIX[3:], [0.5, 0.25, 0.125], score_threshold=0.125) == [0]


def test_only_the_best_candidates_are_looked_at():
    boxes = [[0, 0, 9, 9]] * 3 + [[20, 20, 30, 30]]
    scores = [0.9, 0.8, 0.7, 0.6]
    assert one_image(boxes, scores) == [0, 3]
    assert one_image(boxes, scores, max_candidates=3) == [0]


@pytest.mark.parametrize("run", [suppress, soft_suppress])
def test_shift_scale_and_flip_change_nothing(run):
    expected = indices(run(BOXES, SCORES, 20))
    assert indices(run(BOXES * 4 + 64, SCORES, 20)) == expected
    assert indices(run(-BOXES[..., [2, 1, 0, 3]] * [1, -1, 1, -1], SCORES, 20)) == (
        expected
    )


@pytest.mark.parametrize("run", [suppress, soft_suppress])
def test_suppression_has_no_gradient(run):
    scores = tf.constant(SCORES)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = tf.reduce_sum(run(BOXES, scores, 3).scores)
    assert tape.gradient(loss, scores) is None


def test_what_belongs_to_kept_boxes_is_padded_like_them():
    kept = suppress(BOXES, SCORES, 200, 0.2)
    boxes = np.array(take_kept(kept, BOXES))
    for b, found in enumerate(indices(kept)):
        np.testing.assert_array_equal(boxes[b, : len(found)], BOXES[b, found])
        assert (boxes[b, len(found) :] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"iou_threshold": 50},
            "`iou_threshold` must be a number from 0 to 1. .*percent",
        ),
        ({"iou_threshold": -0.1}, "iou_threshold=-0.1"),
        ({"iou_threshold": float("nan")}, "iou_threshold=nan"),
        ({"max_outputs": 0}, "max_outputs=0"),
        ({"max_candidates": 0}, "max_candidates=0"),
        ({"boxes": BOXES[..., [2, 1, 0, 3]]}, "x1 <= x2"),
        ({"boxes": BOXES[:, :9]}, r"Received: boxes.shape=\(2, 9, 4\), scores"),
        ({"classes": CLASSES[:, :9]}, r"classes.shape=\(2, 9\)"),
        ({"classes": CLASSES - 1}, "or -1 for padding. Received: classes from -2"),
        ({"classes": CLASSES * 1.0}, "must be integers"),
    ],
)
def test_bad_input_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        suppress(**{"boxes": BOXES, "scores": SCORES, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "hard"}, "'gaussian', 'linear'"),
        ({"sigma": 0}, "sigma=0"),
        ({"iou_threshold": 2}, "iou_threshold=2"),
    ],
)
def test_bad_input_of_soft_suppression_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        soft_suppress(BOXES, SCORES, **changes)
