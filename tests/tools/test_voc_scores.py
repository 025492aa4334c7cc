"""Scores of Pascal VOC by hand, and against COCO's on the same detections."""

import numpy as np
import pytest

from tfrecvis.tools.detection_scores import coco_scores
from tfrecvis.tools.voc_scores import curve, voc_scores


def true(*box, label=0, difficult=False):
    return {"category_id": label, "bbox": list(box), "difficult": difficult}


def found(*box, score, label=0):
    return {"category_id": label, "bbox": list(box), "score": score}


def test_curve_by_hand():
    # Right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    images = [
        (
            [true(0, 0, 10, 10), true(50, 0, 10, 10)],
            [
                found(0, 0, 10, 10, score=0.9),
                found(80, 0, 10, 10, score=0.8),
                found(50, 0, 10, 9, score=0.7),
            ],
        )
    ]
    scores = voc_scores(images, ["a"])
    recalls, precisions = curve(images, 0)
    np.testing.assert_allclose(recalls, [0.5, 0.5, 1])
    np.testing.assert_allclose(precisions, [1, 0.5, 2 / 3])
    assert scores["voc07"] == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert scores["voc10"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_second_find_of_an_object_is_wrong_and_a_difficult_one_counts_neither_way():
    detections = [
        found(0, 0, 10, 10, score=0.9),
        found(50, 0, 10, 10, score=0.8),
        found(0, 0, 10, 9, score=0.7),
    ]
    images = [([true(0, 0, 10, 10), true(50, 0, 10, 10, difficult=True)], detections)]
    recalls, precisions = curve(images, 0)
    np.testing.assert_allclose(recalls, [1, 1])
    np.testing.assert_allclose(precisions, [1, 0.5])


def test_classes_without_objects_have_no_score():
    images = [([true(0, 0, 10, 10)], [found(0, 0, 4, 4, score=0.9, label=1)])]
    scores = voc_scores(images, ["a", "b"])
    assert scores["class_voc07"] == {"a": 0.0, "b": None}
    assert scores["voc10"] == 0
    assert voc_scores([([], [])], ["a"])["voc07"] is None


def test_curves_give_the_scores_of_pycocotools():
    # Objects far apart, so that both protocols pair the same boxes.
    rng = np.random.default_rng(0)
    images = []
    for _ in range(8):
        corners = [(40.0 * i, 0.0) for i in range(6)]
        objects = [true(x, y, 20, 20, label=int(rng.integers(2))) for x, y in corners]
        detections = []
        for entry in objects:
            if rng.uniform() < 0.8:
                x, y, w, h = entry["bbox"]
                shift = rng.uniform(-8, 8)
                label = entry["category_id"] if rng.uniform() < 0.8 else 1
                score = float(rng.uniform())
                detections.append(found(x + shift, y, w, h, score=score, label=label))
        images.append((objects, detections))
    expected = coco_scores(images, ["a", "b"])["class_ap50"]
    for number, name in enumerate("ab"):
        recalls, precisions = curve(images, number)
        best = [
            precisions[recalls >= least - 1e-9].max(initial=0)
            for least in np.linspace(0, 1, 101)
        ]
        assert np.mean(best) == pytest.approx(expected[name], abs=1e-6)
