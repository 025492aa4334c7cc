import keras
import numpy as np
import pytest
from detectors import TwoStage

from tfrecvis.models import MaskRCNN, detection
from tfrecvis.models.detection.answers import compare_detections


class TestMaskRCNN(TwoStage):
    builder = MaskRCNN
    own = {"mask_filters": 4}
    truth = ("boxes", "classes", "masks")

    def test_masks_are_probabilities_in_the_frame_of_each_box(self):
        model = self.build(score_threshold=0.0)
        masks = keras.ops.convert_to_numpy(model(self.batch()["images"])["masks"])
        assert masks.shape == (2, 5, 28, 28)
        assert 0 <= masks.min() < masks.max() <= 1

    def test_answered_masks_lie_within_their_boxes(self):
        (signature,) = detection.signatures(self.build(score_threshold=0.0))
        answer = signature(images=self.batch()["images"])
        masks = keras.ops.convert_to_numpy(answer["masks"])
        assert masks.max() <= 1
        boxes = keras.ops.convert_to_numpy(answer["boxes"])
        for box, mask in zip(boxes.reshape(-1, 4), masks.reshape(-1, 48, 48), strict=1):
            rows, columns = np.nonzero(mask)
            if rows.size:
                assert rows.min() + 0.5 >= box[1] and rows.max() + 0.5 <= box[3]
                assert columns.min() + 0.5 >= box[0] and columns.max() + 0.5 <= box[2]

    def test_bad_number_of_filters_is_named(self):
        with pytest.raises(ValueError, match="`mask_filters` must be an integer"):
            self.build(mask_filters=0)


def test_another_mask_is_a_problem_of_the_artefact():
    masks = np.zeros((1, 1, 10, 10), "uint8")
    masks[0, 0, 2:8, 2:8] = 1
    answer = {
        "boxes": np.array([[[2, 2, 8, 8]]], "float32"),
        "scores": np.array([[0.9]], "float32"),
        "classes": np.array([[0]], "int32"),
        "num_detections": np.array([1], "int32"),
        "masks": masks,
    }
    assert compare_detections(answer, answer, 1e-4)["problem"] is None
    other = {**answer, "masks": np.roll(masks, 1, -1)}
    assert "no counterpart" in compare_detections(answer, other, 1e-4)["problem"]


def test_rounding_excuses_what_lies_near_the_lowest_score():
    answer = {
        "boxes": np.array([[[2, 2, 8, 8], [0, 0, 4, 4]]], "float32"),
        "scores": np.array([[0.9, 0.055]], "float32"),
        "classes": np.array([[0, 0]], "int32"),
        "num_detections": np.array([2], "int32"),
    }
    lost = {**answer, "num_detections": np.array([1], "int32")}
    assert compare_detections(answer, lost, 1e-2)["problem"] is not None
    found = compare_detections(answer, lost, 1e-2, least_score=0.05)
    assert found["problem"] is None
