"""Suppression one box after the other, as plain NumPy loops."""

import numpy as np


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (areas[0] + areas[1] - shared)


def suppress(boxes, scores, max_outputs, threshold, score_threshold=0.0, classes=None):
    """Indices of one image's boxes that are kept."""
    kept = []
    for n in sorted(range(len(scores)), key=lambda n: (-scores[n], n)):
        if len(kept) == max_outputs or not scores[n] > score_threshold:
            break
        rivals = [k for k in kept if classes is None or classes[k] == classes[n]]
        if all(iou(boxes[n], boxes[k]) <= threshold for k in rivals):
            kept.append(n)
    return kept


def soft_suppress(boxes, scores, max_outputs, lower, score_threshold, classes=None):
    """Indices and lowered scores of one image; `lower(iou)` is the factor."""
    scores, kept = [float(s) for s in scores], []
    while len(kept) < max_outputs and scores:
        best = int(np.argmax(scores))
        top = scores[best]
        if not top > score_threshold:
            break
        kept.append((best, top))
        for n in range(len(scores)):
            if classes is None or classes[n] == classes[best]:
                scores[n] *= lower(iou(boxes[best], boxes[n]))
        scores[best] = -1.0
    return kept
