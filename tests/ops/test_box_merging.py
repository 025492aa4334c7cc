import math

import numpy as np
import pytest
import tensorflow as tf
from reference.suppression import iou

from tfrecvis.ops import merge_boxes

RNG = np.random.default_rng(0)
B, N = 2, 14
CORNERS = RNG.uniform(0, 30, (B, N, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(5, 20, (B, N, 2))], -1)
BOXES = BOXES.astype("float32")
SCORES = RNG.uniform(0.1, 1, (B, N)).astype("float32")
SCORES[1, 3:6] = 0  # padding


def slow_merge(boxes, scores, threshold):
    """OverFeat's loop over one image's list of boxes."""
    found = [(b.astype("float64"), s) for b, s in zip(boxes, scores, strict=True) if s]

    def match(a, b):
        centres = [(box[:2] + box[2:]) / 2 for box in (a, b)]
        size = sum(math.dist(box[:2], box[2:]) for box in (a, b)) / 2
        return math.dist(*centres) / size - iou(a, b)

    while len(found) > 1:
        pairs = [(m, n) for m in range(len(found)) for n in range(m + 1, len(found))]
        m, n = min(pairs, key=lambda p: match(found[p[0]][0], found[p[1]][0]))
        if match(found[m][0], found[n][0]) > threshold:
            break
        (a, top), (b, other) = found[m], found.pop(n)
        found[m] = ((a + b) / 2, max(top, other))
    return sorted(found, key=lambda pair: -pair[1])


@pytest.mark.parametrize("threshold", [-1.0, -0.3, 0.0, 0.5, 10.0])
def test_merging_matches_the_numpy_loop(threshold):
    boxes, scores, count = (
        np.array(x) for x in merge_boxes(BOXES, SCORES, threshold, 20)
    )
    for b in range(B):
        expected = slow_merge(BOXES[b], SCORES[b], threshold)
        assert count[b] == len(expected)
        for n, (box, score) in enumerate(expected):
            # Boxes of one score may come in either order; here all differ.
            np.testing.assert_allclose(boxes[b, n], box, atol=1e-3)
            np.testing.assert_allclose(scores[b, n], score)
        assert not boxes[b, len(expected) :].any()
        assert not scores[b, len(expected) :].any()


def test_only_the_best_boxes_are_returned():
    scores = merge_boxes(BOXES, SCORES, -1.0, 3)[1]
    np.testing.assert_array_equal(scores, -np.sort(-SCORES)[:, :3])


def test_no_boxes_are_merged_to_none():
    boxes, _, count = merge_boxes(BOXES[:, :0], SCORES[:, :0], max_outputs=4)
    assert boxes.shape == (B, 4, 4)
    assert count.numpy().tolist() == [0, 0]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_merges_as_eager_calls(jit_compile):
    function = tf.function(
        lambda b, s: merge_boxes(b, s, 0.2, 9), autograph=False, jit_compile=jit_compile
    )
    for got, expected in zip(
        function(BOXES, SCORES), merge_boxes(BOXES, SCORES, 0.2, 9), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": -BOXES}, "x1 <= x2"),
        ({"scores": SCORES[:, :3]}, r"scores.shape=\(2, 3\)"),
        ({"max_outputs": 0}, "max_outputs=0"),
    ],
)
def test_bad_input_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        merge_boxes(**{"boxes": BOXES, "scores": SCORES, **changes})
