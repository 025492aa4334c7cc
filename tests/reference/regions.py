"""Detectors of two stages box by box: proposals, losses and mask targets as loops."""

import math

import numpy as np
from reference import suppression


def encode(box, anchor, weights=(1, 1, 1, 1)):
    """One box relative to one anchor."""
    (x, y, w, h), (ax, ay, aw, ah) = (centre_and_sides(b) for b in (box, anchor))
    shifts = (x - ax) / aw, (y - ay) / ah, math.log(w / aw), math.log(h / ah)
    return [weight * shift for weight, shift in zip(weights, shifts, strict=True)]


def decode(delta, anchor, weights=(1, 1, 1, 1)):
    """The box that a delta makes of an anchor."""
    ax, ay, aw, ah = centre_and_sides(anchor)
    dx, dy, dw, dh = (d / weight for d, weight in zip(delta, weights, strict=True))
    x, y = ax + dx * aw, ay + dy * ah
    w, h = aw * math.exp(dw), ah * math.exp(dh)
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def centre_and_sides(box):
    x0, y0, x1, y1 = (float(value) for value in box)
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0


def clip(box, height, width):
    return [
        min(max(value, 0), limit)
        for value, limit in zip(box, [width, height] * 2, strict=True)
    ]


def proposals(logits, deltas, anchors, size, count, candidates, threshold, min_size):
    """Proposals of one image, padded with zeros."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:candidates]
    boxes = [clip(decode(deltas[i], anchors[i]), *size) for i in order]
    big = [b for b in boxes if min(b[2] - b[0], b[3] - b[1]) >= min_size]
    kept = []
    for box in big:
        if all(suppression.iou(box, other) <= threshold for other in kept):
            kept.append(box)
    kept = kept[:count]
    return np.array(kept + [[0.0] * 4] * (count - len(kept)))


def cross_entropy(logit, target):
    """Of a logit and 0 or 1."""
    p = 1 / (1 + math.exp(-logit))
    return -math.log(p if target else 1 - p)


def smooth_l1(gaps, beta):
    return sum(
        gap**2 / (2 * beta) if abs(gap) < beta else abs(gap) - beta / 2 for gap in gaps
    )


def proposal_losses(logits, deltas, anchors, boxes, classes):
    """Both losses when every anchor that is not ignored is drawn."""
    objects = places = count = 0
    for b in range(len(logits)):
        true = [m for m in range(len(classes[b])) if classes[b][m] >= 0]
        iou = np.array(
            [[suppression.iou(boxes[b][m], a) for a in anchors] for m in true]
        ).reshape(len(true), len(anchors))
        for n, anchor in enumerate(anchors):
            best = iou[:, n].max(initial=0)
            forced = any(
                iou[m, n] > 0 and iou[m, n] == iou[m].max() for m in range(len(true))
            )
            positive = best >= 0.7 or forced
            if not positive and best >= 0.3:
                continue
            count += 1
            objects += cross_entropy(logits[b][n], positive)
            if positive:
                target = encode(boxes[b][true[int(iou[:, n].argmax())]], anchor)
                gaps = [d - t for d, t in zip(deltas[b][n], target, strict=True)]
                places += smooth_l1(gaps, 1 / 9)
    return objects / count, places / count


def region_losses(logits, deltas, regions, labels, boxes):
    """Both losses of the second stage."""
    classes = places = count = 0
    for b, n in np.argwhere(labels >= 0):
        count += 1
        scores = np.exp(logits[b, n] - logits[b, n].max())
        classes -= math.log(scores[labels[b, n]] / scores.sum())
        if labels[b, n] > 0:
            own = deltas[b, n].reshape(-1, 4)[labels[b, n] - 1]
            target = encode(boxes[b, n], regions[b, n], (10, 10, 5, 5))
            places += smooth_l1([d - t for d, t in zip(own, target, strict=True)], 1)
    return classes / count, places / count


def crop_mask(mask, box, rows, columns):
    """The pixels of a mask in the middles of the cells of a box."""
    height, width = mask.shape
    x0, y0, x1, y1 = (float(value) for value in box)
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            y = math.floor(y0 + (i + 0.5) / rows * (y1 - y0))
            x = math.floor(x0 + (j + 0.5) / columns * (x1 - x0))
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            out[i, j] = mask[y, x] > 0
    return out
