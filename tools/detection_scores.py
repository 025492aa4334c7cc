"""Detections and true objects as COCO's dicts, and the scores that are taken of them.

A *detection* is a dict of `category_id`, `bbox` (left, top, width, height in pixels),
`score` and, where the detector has masks, `segmentation`, a run-length code as
pycocotools writes it. A *truth* is the same with `difficult` in place of the score.
"""

import contextlib
import io

import numpy as np

from tfrecvis.optional import optional_import
from tfrecvis.tools.errors import UserError

MOST = 100  # detections of an image that COCO's protocol counts


def entries(answer, image):
    """The detections of an image, the highest score first.

    Args:
        answer: Dict that a detector gives.
        image: Integer, the entry of the batch.
    """
    count = int(answer["num_detections"][image])
    masks = answer.get("masks")
    return [
        {
            "category_id": int(answer["classes"][image, index]),
            "bbox": _xywh(answer["boxes"][image, index]),
            "score": float(answer["scores"][image, index]),
            **({} if masks is None else {"segmentation": encode(masks[image, index])}),
        }
        for index in range(count)
    ]


def truths(batch, image, masked=True):
    """The true objects of an image; with their masks, if it has some and `masked`."""
    classes, boxes = batch["classes"][image], batch["boxes"][image]
    difficult = batch.get("difficult", np.zeros((len(batch["classes"]), len(classes))))
    masks = batch.get("masks") if masked else None
    return [
        {
            "category_id": int(classes[index]),
            "bbox": _xywh(boxes[index]),
            "difficult": bool(difficult[image][index]),
            **({} if masks is None else {"segmentation": encode(masks[image, index])}),
        }
        for index in np.flatnonzero(classes >= 0)
    ]


def encode(mask):
    """A mask as COCO's run-length code."""
    code = _mask_library().encode(np.asfortranarray(mask, dtype="uint8"))
    return {"size": code["size"], "counts": code["counts"].decode("ascii")}


def decode(code):
    """A run-length code as a mask, uint8 `(height, width)`."""
    return _mask_library().decode(code)


def _mask_library():
    return optional_import("pycocotools.mask", extra="eval", what="Masks of detections")


def _xywh(box):
    x0, y0, x1, y1 = (float(value) for value in box)
    return [x0, y0, x1 - x0, y1 - y0]


def coco_scores(images, class_names, kind="bbox"):
    """Average precision by COCO's protocol: IoU 0.50 to 0.95, 101 recalls.

    Of an image, 100 detections count, or as many as it has where these are more.

    Args:
        images: List of pairs: truths and detections of an image.
        class_names: List of strings.
        kind: "bbox", or "segm" for masks.

    Returns:
        Dict: "ap", "ap50", "ap75"; by class "class_ap" and "class_ap50"; and "curves",
        by class the highest precision at an IoU of 0.5 from each of the recalls 0,
        0.01, ..., 1 on. A class without objects has None.

    Raises:
        UserError: there is no true object.
    """
    coco = optional_import("pycocotools.coco", extra="eval", what="Scores of boxes")
    cocoeval = optional_import("pycocotools.cocoeval", extra="eval", what="Scores")
    numbers, annotations, results = [], [], []
    for number, (true, found) in enumerate(images, 1):
        codes = [e["segmentation"] for e in (*true, *found) if "segmentation" in e]
        height, width = codes[0]["size"] if codes else (None, None)
        numbers.append({"id": number, "height": height, "width": width})
        for entry in true:
            annotations.append(
                {
                    **entry,
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "area": entry["bbox"][2] * entry["bbox"][3],
                    "iscrowd": int(entry["difficult"]),
                }
            )
        results += [{"image_id": number, **entry} for entry in found]
    if not annotations:
        raise UserError("Nothing to score: no image has a box.", exit_code=1)
    truth = coco.COCO()
    truth.dataset = {
        "images": numbers,
        "annotations": annotations,
        "categories": [{"id": number} for number in range(len(class_names))],
    }
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = truth.loadRes(results) if results else coco.COCO()
        evaluation = cocoeval.COCOeval(truth, found, kind)
        most = max([MOST, *(len(found) for _, found in images)])
        evaluation.params.maxDets = [1, 10, most]
        evaluation.evaluate()
        evaluation.accumulate()
    # (IoU thresholds, recalls, classes, areas, most detections); -1: no object.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]

    def mean(values):
        values = values[values > -1]
        return float(values.mean()) if values.size else None

    def curve(values):
        return None if (values < 0).any() else values.tolist()

    per_class = range(len(class_names))
    return {
        "ap": mean(precision),
        "ap50": mean(precision[0]),
        "ap75": mean(precision[5]),
        "class_ap": {class_names[k]: mean(precision[:, :, k]) for k in per_class},
        "class_ap50": {class_names[k]: mean(precision[0, :, k]) for k in per_class},
        "curves": {class_names[k]: curve(precision[0, :, k]) for k in per_class},
    }


def challenge_score(images, least_score=0.5):
    """The mean average precision of the Data Science Bowl 2018, for masks.

    At each IoU t of 0.50, 0.55 to 0.95, TP / (TP + FP + FN) of the detections from
    `least_score`, where a true object is found by a mask whose IoU exceeds t; the mean
    over t and then over images.

    Reference: Caicedo et al., 2019 (https://doi.org/10.1038/s41592-019-0612-7).
    Differs from the challenge: masks may overlap.

    Args:
        images: As in `coco_scores`, with `segmentation`.
        least_score: Float.
    """
    thresholds = np.linspace(0.5, 0.95, 10)
    scores = []
    for true, found in images:
        found = [e["segmentation"] for e in found if e["score"] >= least_score]
        true = [entry["segmentation"] for entry in true]
        if not true or not found:
            scores.append(float(not true and not found))
            continue
        iou = np.asarray(_mask_library().iou(found, true, [0] * len(true)))
        hits = np.array([_one_to_one(iou, limit) for limit in thresholds])
        scores.append(float(np.mean(hits / (len(true) + len(found) - hits))))
    return float(np.mean(scores))


def _one_to_one(iou, limit):
    """How many pairs above a limit can be made, the most alike first."""
    taken = iou > limit
    count = 0
    for row, column in sorted(np.argwhere(taken), key=lambda p: -iou[tuple(p)]):
        if taken[row, column]:
            taken[row], taken[:, column] = False, False
            count += 1
    return count
