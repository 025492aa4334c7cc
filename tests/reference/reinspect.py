"""ReInspect cell by cell and step by step, in NumPy; the assignment is SciPy's."""

import numpy as np
from reference.lstm import sigmoid
from scipy.optimize import linear_sum_assignment

FIRST, SECOND = 1e8, 1e5  # of costs that are compared one after the other


def rollout(maps, kernel, recurrent_kernel, bias, steps):
    """`(batch, height, width, channels)` -> `(..., steps, units)`."""
    units = len(recurrent_kernel)
    outputs = np.zeros((*maps.shape[:3], steps, units))
    for place in np.ndindex(*maps.shape[:3]):
        h, c = np.zeros(units), np.zeros(units)
        for t in range(steps):
            z = maps[place] @ kernel + h @ recurrent_kernel + bias
            i, f, g, o = np.split(z, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs[place][t] = h
    return outputs


def own_boxes(boxes, classes, row, column, stride, most, reach=1.8):
    """Of one image and cell, `(x, y, w, h, class)`, the nearest first."""
    middle = np.array([(column + 0.5) * stride, (row + 0.5) * stride])
    found = []
    for box, label in zip(np.float64(boxes), classes, strict=True):
        left, top = column * stride, row * stride
        apart = box[0] >= left + stride or box[2] <= left
        apart = apart or box[1] >= top + stride or box[3] <= top
        x, y = (box[:2] + box[2:]) / 2 - middle
        if label < 0 or apart or np.hypot(x, y) >= reach * stride:
            continue
        sides = box[2:] - box[:2]
        found.append((np.hypot(x, y), (x, y, *sides, int(label))))
    found.sort(key=lambda pair: pair[0])
    return [box for _, box in found[:most]]


def assignment(costs, real):
    """`costs` are `(I, J)` each; the prediction of each column, -1 for padding."""
    weights = (FIRST, SECOND, 1.0)[-len(costs) :]
    total = sum(w * np.float64(cost) for w, cost in zip(weights, costs, strict=True))
    columns = np.flatnonzero(real)
    chosen = np.full(len(real), -1)
    rows, places = linear_sum_assignment(total[:, columns])
    chosen[columns[places]] = rows
    return chosen


def hungarian_loss(logits, offsets, boxes, classes, stride, box_weight=0.03):
    cells, total, moved = 0, 0.0, 0.0
    for image, row, column in np.ndindex(*logits.shape[:3]):
        cells += 1
        steps = offsets[image, row, column].astype("float64")
        truth = own_boxes(boxes[image], classes[image], row, column, stride, len(steps))
        missed, rank, distance = np.zeros((3, len(steps), len(truth)))
        for i, (x, y, w, h) in enumerate(steps):
            for j, (*box, _) in enumerate(truth):
                inside = 2 * abs(x - box[0]) <= box[2] and 2 * abs(y - box[1]) <= box[3]
                missed[i, j], rank[i, j] = not inside, i
                distance[i, j] = np.abs(np.array([x, y, w, h]) - box).sum()
        labels = np.zeros(len(steps), int)
        chosen = assignment([missed, rank, distance], np.ones(len(truth), bool))
        for j, i in enumerate(chosen):
            labels[i] = truth[j][4] + 1
            moved += distance[i, j]
        for i, label in enumerate(labels):
            x = np.float64(logits[image, row, column, i])
            total += np.log(np.exp(x).sum()) - x[label]
    return total / cells, box_weight * moved / cells


def sequence_boxes(offsets, logits, stride, height, width):
    """Boxes and scores of one image, as lists in the layer's order."""
    boxes, scores = [], []
    for row, column in np.ndindex(*offsets.shape[:2]):
        reached = 1.0
        for (x, y, w, h), z in zip(
            offsets[row, column], logits[row, column], strict=True
        ):
            x, y = x + (column + 0.5) * stride, y + (row + 0.5) * stride
            w, h = max(w, 0), max(h, 0)
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            boxes.append(np.clip(box, 0, [width, height, width, height]))
            p = np.exp(z) / np.exp(z).sum()
            scores.append(reached * p[1:])
            reached *= 1 - p[0]
    return np.array(boxes), np.array(scores)
