import numpy as np
import pytest
from reference.suppression import soft_suppress, suppress

from tfrecvis.layers import NonMaxSuppression

RNG = np.random.default_rng(0)
B, N, K = 2, 30, 3
CORNERS = RNG.uniform(0, 30, (B, N, K, 2))
OWN_BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(5, 30, CORNERS.shape)], -1)
OWN_BOXES = OWN_BOXES.astype("float32")
BOXES = OWN_BOXES[:, :, 0]
SCORES = RNG.uniform(size=(B, N, K)).astype("float32")


def numpy(outputs):
    return {name: np.array(value) for name, value in outputs.items()}


@pytest.mark.parametrize("boxes", [BOXES, OWN_BOXES])
def test_each_pair_of_box_and_class_is_a_candidate(boxes):
    layer = NonMaxSuppression(40, 0.3, 0.2, max_candidates=60)
    found = numpy(layer(boxes, scores=SCORES))
    for b in range(B):
        pairs = sorted(np.ndindex(N, K), key=lambda p: -SCORES[b][p])[:60]
        rows = [boxes[b][p] if boxes.ndim == 4 else boxes[b, p[0]] for p in pairs]
        scores, classes = [SCORES[b][p] for p in pairs], [p[1] for p in pairs]
        kept = suppress(rows, scores, 40, 0.3, 0.2, classes)
        count = found["num_detections"][b]
        assert count == len(kept)
        assert found["classes"][b, :count].tolist() == [classes[k] for k in kept]
        assert (found["classes"][b, count:] == -1).all()
        np.testing.assert_array_equal(
            found["boxes"][b, :count], [rows[k] for k in kept]
        )
        np.testing.assert_array_equal(
            found["scores"][b, :count], [scores[k] for k in kept]
        )


def test_scores_may_be_of_one_class():
    one = numpy(NonMaxSuppression(10)(BOXES, scores=SCORES[..., 0]))
    same = numpy(NonMaxSuppression(10)(BOXES, scores=SCORES[..., :1]))
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])


def test_class_agnostic_boxes_drop_those_of_other_classes():
    found = numpy(NonMaxSuppression(40, 0.3, class_agnostic=True)(BOXES, scores=SCORES))
    for b in range(B):
        kept = suppress(BOXES[b], SCORES[b].max(-1), 40, 0.3, 0.05)
        assert found["num_detections"][b] == len(kept)
        np.testing.assert_array_equal(
            found["classes"][b, : len(kept)], SCORES[b, kept].argmax(-1)
        )


def test_soft_form_lowers_the_scores():
    layer = NonMaxSuppression(5, soft_sigma=0.5)
    found = numpy(layer(BOXES, scores=SCORES[..., 0]))
    for b in range(B):
        lower = lambda iou: np.exp(-(iou**2) / 0.5)  # noqa: E731
        kept = soft_suppress(BOXES[b], SCORES[b, :, 0], 5, lower, 0.05)
        np.testing.assert_allclose(found["scores"][b], [s for _, s in kept], atol=1e-6)
        np.testing.assert_array_equal(
            found["boxes"][b], BOXES[b, [place for place, _ in kept]]
        )


def test_image_without_boxes_has_no_detections():
    found = numpy(NonMaxSuppression(4)(BOXES[:, :0], scores=SCORES[:, :0]))
    assert found["num_detections"].tolist() == [0, 0]
    assert (found["classes"] == -1).all()
    assert found["boxes"].shape == (B, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_outputs": 0}, "max_outputs=0"),
        ({"iou_threshold": 1.5}, "iou_threshold=1.5"),
        ({"score_threshold": -1}, "score_threshold=-1"),
        ({"max_candidates": None}, "max_candidates=None"),
        ({"class_agnostic": 1}, "class_agnostic=1"),
        ({"soft_sigma": 0}, "soft_sigma=0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression(**arguments)


@pytest.mark.parametrize(
    ("boxes", "scores", "message"),
    [
        (BOXES, SCORES[:, :5], "scores.shape=.2, 5, 3."),
        (OWN_BOXES, SCORES[..., :2], "scores.shape=.2, 30, 2."),
        (BOXES[..., :3], SCORES, "boxes.shape=.2, 30, 3."),
        (BOXES, None, "scores=None. Use `layer"),
        (BOXES[..., [2, 3, 0, 1]], SCORES, "x1 <= x2"),
        (BOXES * np.nan, SCORES, "must be finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(boxes, scores, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression()(boxes, scores)
