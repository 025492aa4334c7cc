"""Precision and recall of boxes as Pascal VOC counts them."""

import numpy as np

IOU = 0.5


def voc_scores(images, class_names):
    """Average precision by Pascal VOC's protocols, and the curves that it is taken of.

    Detections of a class are visited from the surest down, over all images. One is
    right if the true box of its class that it overlaps most has an IoU of at least 0.5
    and was not found before; one of a difficult box counts neither way.

        VOC07:   mean over r = 0, 0.1, ..., 1 of max(precision where recall >= r)
        VOC10:   area under max(precision where recall >= r), as from 2010 on

    Reference: Everingham et al., 2010, section 4.2
    (https://doi.org/10.1007/s11263-009-0275-4), and the development kit of VOC2012.

    Args:
        images: List of pairs: truths and detections of an image; see
            `tfrecvis.tools.detection_scores`.
        class_names: List of strings.

    Returns:
        Dict: "voc07" and "voc10", means over classes; "class_voc07" and "class_voc10",
        dicts by class, None for a class without objects.

    Example:

    >>> true = {"category_id": 0, "bbox": [0, 0, 9, 9], "difficult": False}
    >>> found = {"category_id": 0, "bbox": [0, 0, 9, 8], "score": 0.7}
    >>> voc_scores([([true], [found])], ["cell"])["voc07"]
    1.0
    """
    curves = {name: curve(images, number) for number, name in enumerate(class_names)}
    result = {}
    for name, average in (("voc07", eleven_points), ("voc10", area)):
        found = {
            label: None if pair is None else average(*pair)
            for label, pair in curves.items()
        }
        known = [value for value in found.values() if value is not None]
        result[f"class_{name}"] = found
        result[name] = float(np.mean(known)) if known else None
    return result


def curve(images, label):
    """Recall and precision after each detection of a class, the surest first.

    Args:
        images: As in `voc_scores`.
        label: Integer, the number of the class.

    Returns:
        Two arrays; None for a class without objects.

    Example:

    >>> true = {"category_id": 0, "bbox": [0, 0, 9, 9], "difficult": False}
    >>> curve([([true, true], [{**true, "score": 1.0}])], 0)
    (array([0.5]), array([1.]))
    """
    objects = [[e for e in true if e["category_id"] == label] for true, _ in images]
    total = sum(not e["difficult"] for true in objects for e in true)
    if not total:
        return None
    boxes = [np.array([e["bbox"] for e in true], "float64") for true in objects]
    found = [
        (entry["score"], number, entry["bbox"])
        for number, (_, detections) in enumerate(images)
        for entry in detections
        if entry["category_id"] == label
    ]
    taken, hits = set(), []
    for _, number, box in sorted(found, key=lambda entry: -entry[0]):
        if not objects[number]:
            hits.append(False)
            continue
        overlaps = _overlaps(np.array(box, "float64"), boxes[number])
        best = int(np.argmax(overlaps))
        if overlaps[best] < IOU:
            hits.append(False)
        elif not objects[number][best]["difficult"]:
            hits.append((number, best) not in taken)
            taken.add((number, best))
    right = np.cumsum(hits)
    return right / total, right / np.arange(1, len(hits) + 1)


def _overlaps(box, others):
    """IoU of a box (left, top, width, height) with others."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), -1)
    areas = box[2] * box[3] + np.prod(others[:, 2:], -1)
    return common / np.maximum(areas - common, 1e-9)


def eleven_points(recalls, precisions):
    """Average precision of VOC2007.

    Example:

    >>> eleven_points(np.array([0.5, 1.0]), np.array([1.0, 0.5]))
    0.7727272727272727
    """
    best = [
        precisions[recalls >= least].max(initial=0) for least in np.linspace(0, 1, 11)
    ]
    return float(np.mean(best))


def area(recalls, precisions):
    """Average precision of VOC2010 and later.

    Example:

    >>> area(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3]))
    0.8333333333333333
    """
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    return float(np.sum(np.diff(recalls, prepend=0) * envelope))
