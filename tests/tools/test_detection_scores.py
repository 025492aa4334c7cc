"""Scores of detections by hand, and by COCO's protocol."""

import numpy as np
import pytest

from tfrecvis.tools.detection_scores import (
    challenge_score,
    coco_scores,
    decode,
    encode,
    entries,
    truths,
)
from tfrecvis.tools.errors import UserError


def pair(truth, found, count=4):
    """A batch of one image and an answer: boxes (x0, y0, x1, y1, class[, score])."""
    batch = {
        "boxes": np.array([[box[:4] for box in truth]], "float32").reshape(1, -1, 4),
        "classes": np.array([[box[4] for box in truth]], "int32").reshape(1, -1),
    }
    boxes = np.zeros((1, count, 4), "float32")
    scores, classes = np.zeros((1, count)), np.full((1, count), -1)
    for index, (*box, label, score) in enumerate(found):
        boxes[0, index], classes[0, index], scores[0, index] = box, label, score
    answer = {"boxes": boxes, "scores": scores, "classes": classes}
    return batch, {**answer, "num_detections": np.array([len(found)])}


def images_of(batch, answer):
    return [(truths(batch, 0), entries(answer, 0))]


def pairs(truth, found):
    return images_of(*pair(truth, found))


def test_perfect_detections_score_one_and_missing_ones_zero():
    truth = [(0, 0, 40, 40, 0), (50, 50, 90, 90, 1)]
    found = [(0, 0, 40, 40, 0, 0.9)]
    result = coco_scores(pairs(truth, found), ["a", "b"])
    assert result["class_ap"] == {"a": pytest.approx(1), "b": 0}
    assert result["ap"] == pytest.approx(0.5)


def test_overlap_decides_at_each_threshold():
    # IoU 0.8: right at the thresholds 0.50 to 0.75 (pycocotools asks for at least 0.8).
    found = [(0, 0, 32, 40, 0, 0.9)]
    result = coco_scores(pairs([(0, 0, 40, 40, 0)], found), ["a"])
    assert result["ap50"] == pytest.approx(1)
    assert result["ap"] == pytest.approx(0.7)


def test_surer_false_alarm_costs_and_difficult_boxes_do_not_count():
    truth = [(0, 0, 40, 40, 0)]
    found = [(60, 60, 90, 90, 0, 0.9), (0, 0, 40, 40, 0, 0.5)]
    batch, answer = pair(truth, found)
    assert coco_scores(images_of(batch, answer), ["a"])["ap"] == pytest.approx(
        0.5, abs=0.01
    )
    batch["boxes"] = np.concatenate([batch["boxes"], [[[60, 60, 90, 90]]]], 1)
    batch["classes"] = np.array([[0, 0]])
    batch["difficult"] = np.array([[False, True]])
    assert coco_scores(images_of(batch, answer), ["a"])["ap"] == pytest.approx(1)


def test_data_without_any_box_is_an_error():
    with pytest.raises(UserError, match="no image has a box"):
        coco_scores(pairs([], []), ["a"])


def test_entries_are_those_of_coco_results():
    _, answer = pair([], [(10, 20, 30, 60, 1, 0.25)])
    assert entries(answer, 0) == [
        {"category_id": 1, "bbox": [10, 20, 20, 40], "score": 0.25}
    ]


def instances(*boxes, score=None):
    """Objects of class 0 whose masks fill their boxes, in an image of 20x30."""
    found = []
    for x0, y0, x1, y1 in boxes:
        mask = np.zeros((20, 30), "uint8")
        mask[y0:y1, x0:x1] = 1
        entry = {"category_id": 0, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        entry["segmentation"] = encode(mask)
        entry.update({"difficult": False} if score is None else {"score": score})
        found.append(entry)
    return found


def test_run_length_codes_are_undone():
    mask = np.random.default_rng(0).integers(0, 2, (7, 9)).astype("uint8")
    np.testing.assert_array_equal(decode(encode(mask)), mask)


def test_masks_are_scored_by_their_own_overlap():
    # The box covers the object, but the mask only half of it.
    true = instances((0, 0, 10, 10))
    found = instances((0, 0, 10, 5), score=0.9)
    found[0]["bbox"] = [0, 0, 10, 10]
    assert coco_scores([(true, found)], ["a"])["ap"] == pytest.approx(1)
    masks = coco_scores([(true, found)], ["a"], "segm")
    assert masks["ap50"] == pytest.approx(1)
    assert masks["ap75"] == 0


def test_more_than_a_hundred_objects_of_an_image_count():
    boxes = [(x, y, x + 2, y + 2) for x in range(0, 30, 2) for y in range(0, 20, 2)]
    scores = coco_scores([(instances(*boxes), instances(*boxes, score=0.9))], ["a"])
    assert scores["ap"] == pytest.approx(1)


def test_challenge_score_counts_hits_misses_and_false_alarms():
    true = instances((0, 0, 10, 10), (15, 0, 25, 10))
    # The first at IoU 0.8, the second not at all, and a false alarm; one is unsure.
    found = instances((0, 0, 10, 8), (0, 12, 5, 18), score=0.9)
    found += instances((15, 0, 25, 10), score=0.2)
    # TP / (TP + FP + FN): 1 / 3 at the six thresholds 0.50 to 0.75, then 0.
    assert challenge_score([(true, found)]) == pytest.approx(0.6 / 3)
    assert challenge_score([(true, true_with_scores(true)), ([], [])]) == 1
    assert challenge_score([([], found)]) == 0


def true_with_scores(true):
    return [{**entry, "score": 1.0} for entry in true]


def test_one_object_is_found_once():
    true = instances((0, 0, 10, 10))
    found = instances((0, 0, 10, 10), (0, 0, 10, 10), score=0.9)
    assert challenge_score([(true, found)]) == pytest.approx(0.5)
