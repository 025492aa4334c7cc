import numpy as np
import pytest
from reference import overfeat

from tfrecvis.layers import BoxMerging


def draw(seed=0):
    """Boxes of two classes around four places; the second image has none."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 80, (4, 1, 1, 2)).repeat(5, 1).reshape(1, 20, 1, 2)
    corners = places + rng.normal(size=(2, 20, 2, 2), scale=3)
    boxes = np.concatenate([corners, corners + rng.uniform(8, 14, (2, 20, 2, 2))], -1)
    scores = rng.uniform(size=(2, 20, 2)).astype("float32")
    scores[1] = 0.1
    return boxes.astype("float32"), scores


@pytest.mark.parametrize(
    "options",
    [
        {"max_outputs": 6, "match_threshold": 0.0, "max_candidates": 20},
        {"max_outputs": 20, "match_threshold": -0.4, "max_candidates": 9},
    ],
)
def test_layer_matches_the_loop_over_pairs(options):
    boxes, scores = draw()
    found = BoxMerging(score_threshold=0.2, **options)(boxes, scores=scores)
    threshold, most = options["match_threshold"], options["max_outputs"]
    expected = overfeat.detections(
        boxes[0], scores[0], threshold, 0.2, most, options["max_candidates"]
    )
    count = len(expected)
    assert found["num_detections"].numpy().tolist() == [count, 0]
    assert 2 < count < 20
    classes = [label for _, label, _ in expected]
    assert found["classes"][0, :count].numpy().tolist() == classes
    wanted = [score for score, _, _ in expected]
    np.testing.assert_allclose(found["scores"][0, :count], wanted, rtol=1e-6)
    wanted = [box for _, _, box in expected]
    np.testing.assert_allclose(found["boxes"][0, :count], wanted, atol=1e-4)
    assert (found["classes"][1].numpy() == -1).all()
    assert not found["boxes"][1].numpy().any()


def test_classes_are_not_merged_with_each_other():
    boxes = np.array([[[[0, 0, 10, 10], [0, 0, 10, 10]]]], "float32")
    found = BoxMerging(4)(boxes, scores=[[[0.6, 0.7]]])
    assert found["classes"].numpy().tolist() == [[1, 0, -1, -1]]


def test_no_window_at_all_gives_no_detection():
    boxes, scores = (x[:, :0] for x in draw())
    assert BoxMerging(3)(boxes, scores=scores)["num_detections"].numpy().sum() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_outputs": 0}, "`max_outputs` must be an integer of at least 1"),
        ({"max_candidates": 0}, "`max_candidates` must be an integer of at least 1"),
        ({"score_threshold": 30}, "Is it in percent"),
        ({"match_threshold": 2}, "from -1, where identical boxes"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoxMerging(**arguments)


def test_missing_and_unfit_scores_are_named():
    boxes, scores = draw()
    with pytest.raises(ValueError, match="`scores` is missing"):
        BoxMerging()(boxes, scores=None)
    with pytest.raises(ValueError, match="`scores` must have the shape"):
        BoxMerging()(boxes, scores=scores[..., :1])
