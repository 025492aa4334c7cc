"""Matching one anchor after the other, as a plain NumPy loop."""

import numpy as np


def match_boxes(iou, valid, foreground, background, allow_low_quality):
    """Matches and labels of one image; `iou` is `(boxes, anchors)`."""
    boxes = [m for m in range(len(iou)) if valid[m]]
    matches, labels = [], []
    for n in range(iou.shape[1]):
        best, match = 0.0, 0
        for m in reversed(boxes):
            if iou[m, n] >= best:
                best, match = iou[m, n], m
        label = -1
        if best >= foreground:
            label = 1
        elif background[0] <= best < background[1]:
            label = 0
        if allow_low_quality:
            for m in boxes:
                if iou[m, n] > 0 and iou[m, n] == iou[m].max():
                    label = 1
        matches.append(match)
        labels.append(label)
    return np.array(matches), np.array(labels)
