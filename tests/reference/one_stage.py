"""SSD's and YOLO's losses box by box, and YOLO's boxes cell by cell."""

import math

import numpy as np
from reference import regions, suppression


def pairs(iou, valid):
    """The box of each anchor, or -1: the best free pair, again and again."""
    owner = [-1] * iou.shape[1]
    boxes = [m for m in range(len(iou)) if valid[m]]
    while boxes:
        free = [n for n, own in enumerate(owner) if own < 0]
        found = [(-iou[m, n], m, n) for m in boxes for n in free if iou[m, n] > 1e-6]
        if not found:
            break
        _, m, n = min(found)
        owner[n] = m
        boxes.remove(m)
    return np.array(owner)


def cross_entropy(logits, label):
    scores = np.exp(logits - logits.max())
    return -math.log(scores[label] / scores.sum())


def ssd_loss(logits, deltas, anchors, boxes, classes):
    """Both losses of SSD."""
    confidence = places = count = 0
    for b in range(len(logits)):
        valid = classes[b] >= 0
        iou = np.array([[suppression.iou(m, a) for a in anchors] for m in boxes[b]])
        iou = iou.reshape(len(boxes[b]), len(anchors))
        owner = pairs(iou, valid)
        for n in range(len(anchors)):
            overlaps = [iou[m, n] if valid[m] else -1 for m in range(len(iou))]
            if owner[n] < 0 and max(overlaps, default=-1) >= 0.5:
                owner[n] = int(np.argmax(overlaps))
        negatives = []
        for n, m in enumerate(owner):
            label = 0 if m < 0 else classes[b][m] + 1
            if m < 0:
                negatives.append(cross_entropy(logits[b][n], 0))
                continue
            count += 1
            confidence += cross_entropy(logits[b][n], label)
            target = regions.encode(boxes[b][m], anchors[n], (10, 10, 5, 5))
            gaps = [d - t for d, t in zip(deltas[b][n], target, strict=True)]
            places += regions.smooth_l1(gaps, 1)
        most = 3 * int((owner >= 0).sum())
        confidence += sum(sorted(negatives, reverse=True)[:most])
    return confidence / max(count, 1), places / max(count, 1)


def cell_boxes(values, size, boxes_per_cell):
    """Boxes and scores of one image, `(cells * boxes_per_cell, ...)`."""
    rows, columns, channels = values.shape
    boxes, scores = [], []
    for j, i, p in np.ndindex(rows, columns, boxes_per_cell):
        t = values[j, i, 5 * p : 5 * p + 5]
        x, y = (i + t[0]) / columns * size[1], (j + t[1]) / rows * size[0]
        w, h = t[2] ** 2 * size[1], t[3] ** 2 * size[0]
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        boxes.append(regions.clip(corners, *size))
        sure = min(max(t[4], 0), 1)
        classes = values[j, i, 5 * boxes_per_cell :]
        scores.append([sure * min(max(p_k, 0), 1) for p_k in classes])
    return np.array(boxes), np.array(scores)


def yolo_loss(values, boxes, classes, size, boxes_per_cell):
    """The four losses of YOLO: boxes, objects, nothing, classes."""
    total = dict.fromkeys(("boxes", "objects", "nothing", "classes"), 0.0)
    for image, true, labels in zip(values, boxes, classes, strict=True):
        rows, columns, _ = image.shape
        answered, responsible = set(), set()
        for box, label in zip(true, labels, strict=True):
            x, y, w, h = regions.centre_and_sides(box)
            x, y, w, h = x / size[1], y / size[0], w / size[1], h / size[0]
            j, i = min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)
            if label < 0 or min(w, h) < 0.005 or (j, i) in answered:
                continue
            answered.add((j, i))
            given = image[j, i, : 5 * boxes_per_cell].reshape(-1, 5)
            found = [
                ((i + t[0]) / columns, (j + t[1]) / rows, t[2] ** 2, t[3] ** 2)
                for t in given
            ]
            overlaps = [overlap(f, (x, y, w, h)) for f in found]
            errors = [math.dist(f, (x, y, w, h)) for f in found]
            best = int(np.argmax(overlaps) if max(overlaps) else np.argmin(errors))
            responsible.add((j, i, best))
            t = given[best]
            target = x * columns - i, y * rows - j, math.sqrt(w), math.sqrt(h)
            total["boxes"] += 5 * sum((t[:4] - target) ** 2)
            total["objects"] += (t[4] - overlaps[best]) ** 2
            for k, p_k in enumerate(image[j, i, 5 * boxes_per_cell :]):
                total["classes"] += (p_k - (k == label)) ** 2
        for j, i, p in np.ndindex(rows, columns, boxes_per_cell):
            if (j, i, p) not in responsible:
                total["nothing"] += 0.5 * image[j, i, 5 * p + 4] ** 2
    return {name: loss / len(values) for name, loss in total.items()}


def overlap(a, b):
    """IoU of two boxes (x, y, w, h)."""
    corners = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h in (a, b)]
    return suppression.iou(*corners)
