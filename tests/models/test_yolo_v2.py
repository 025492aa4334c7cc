"""YOLOv2: sizes, its twin, its detections and how two answers are compared."""

import keras
import numpy as np
import pytest

from tfrecvis.models import YOLOv2, detection
from tfrecvis.models.detection.answers import compare_detections, detections

PRIORS = [(10.0, 12.0), (40.0, 30.0)]
SMALL = {"backbone_filters": (6, 8, 8, 8), "backbone_blocks": (0, 0, 0, 0), "units": 4}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return YOLOv2(3, PRIORS, head_filters=8, passthrough=4, **SMALL)


def grid(*boxes, rows=2, columns=3):
    """A map that holds boxes (x, y, w, h, class, logit), and nothing elsewhere."""
    maps = np.zeros((1, rows, columns, 2, 5 + 3), "float32")
    maps[..., 2:4] = 1
    maps[..., 4] = -20
    for number, (x, y, w, h, label, logit) in enumerate(boxes):
        place = np.unravel_index(number, (rows, columns, 2))
        maps[0][place] = [x, y, w, h, logit, *(20.0 * (np.arange(3) == label))]
    return maps


def found(*boxes, size=(60, 90)):
    answer = detections(keras.ops.convert_to_tensor(grid(*boxes)), size, 5)
    return {name: keras.ops.convert_to_numpy(value) for name, value in answer.items()}


def test_any_size_gives_a_box_per_prior_and_cell(model):
    assert model(np.zeros((2, 33, 49, 3))).shape == (2, 3, 4, 2, 8)


def test_twin_has_as_many_parameters():
    recurrent, twin = (
        YOLOv2(3, PRIORS, context=context, units=48) for context in ("renet", "conv")
    )
    assert twin.count_params() == pytest.approx(recurrent.count_params(), rel=0.01)


def test_context_lets_a_cell_hear_from_the_whole_image():
    keras.utils.set_random_seed(0)
    images = np.zeros((2, 96, 96, 3), "float32")
    images[1, -8:, -8:] = 255
    for context, hears in (("renet", True), ("conv", False)):
        model = YOLOv2(3, PRIORS, context=context, head_filters=8, **SMALL)
        first, second = keras.ops.convert_to_numpy(model(images))[:, 0, 0]
        assert (np.abs(first - second).max() > 0) == hears


def test_untrained_boxes_are_rarely_objects(model):
    boxes = keras.ops.convert_to_numpy(model(np.zeros((1, 64, 64, 3))))
    assert (1 / (1 + np.exp(-boxes[..., 4]))).mean() < 0.05


def test_surer_box_suppresses_one_of_its_class_and_no_other():
    answer = found(
        (30, 30, 20, 20, 0, 2.0), (31, 30, 20, 20, 0, 3.0), (30, 31, 20, 20, 1, 1.0)
    )
    assert answer["num_detections"].tolist() == [2]
    assert answer["classes"].tolist() == [[0, 1, -1, -1, -1]]
    np.testing.assert_allclose(answer["boxes"][0, 0], [21, 20, 41, 40], atol=1e-4)
    assert (answer["boxes"][0, 2:] == 0).all()
    assert (np.diff(answer["scores"][0]) <= 0).all()


def test_boxes_are_clipped_to_the_image():
    answer = found((0, 0, 40, 40, 2, 5.0), (90, 60, 30, 20, 1, 4.0))
    np.testing.assert_allclose(
        answer["boxes"][0, :2], [[0, 0, 20, 20], [75, 50, 90, 60]], atol=1e-4
    )


def test_signature_answers_uint8_images(model):
    (signature,) = detection.signatures(model)
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), dtype="uint8")
    answer = signature(images=images)
    for name, spec in signature.outputs.items():
        assert tuple(answer[name].shape) == (2, *spec.axes[1:])
        assert keras.backend.standardize_dtype(answer[name].dtype) == spec.dtype


def test_equal_detections_have_no_problem_and_a_moved_box_is_one():
    answer = found((30, 30, 20, 20, 0, 3.0), (60, 30, 10, 10, 1, 2.0))
    assert compare_detections(answer, answer, 1e-4)["agreement"] == 1
    moved = {**answer, "boxes": answer["boxes"] + np.float32(1)}
    result = compare_detections(answer, moved, 1e-4)
    assert "100.0% of its detections have no counterpart" in result["problem"]


def test_another_score_is_counted_and_a_lost_detection_is_a_problem():
    answer = found((30, 30, 20, 20, 0, 3.0), (60, 30, 10, 10, 1, 2.0))
    other = {**answer, "scores": answer["scores"] - np.float32(5e-4)}
    result = compare_detections(answer, other, 1e-4)
    assert result["problem"] is None
    assert result["largest_difference"] == pytest.approx(5e-4, rel=1e-2)
    lost = {**answer, "num_detections": answer["num_detections"] - 1}
    assert (
        "33.3% of its detections" in compare_detections(answer, lost, 1e-4)["problem"]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 0}, "`num_classes` must be an integer of at least 1"),
        ({"context": "lstm"}, "`context` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"priors": []}, "`priors` must be a list"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        YOLOv2(**{"num_classes": 3, "priors": PRIORS, **SMALL, **changes})
