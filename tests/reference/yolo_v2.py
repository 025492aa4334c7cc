"""YOLOv2's boxes and loss, box by box."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def grid_boxes(maps, priors, stride):
    """(rows, columns, priors * (5 + K)) -> (rows, columns, priors, 5 + K)."""
    rows, columns, channels = maps.shape
    size = channels // len(priors)
    boxes = np.zeros((rows, columns, len(priors), size))
    for j in range(rows):
        for i in range(columns):
            for p, (width, height) in enumerate(priors):
                t = maps[j, i, p * size : (p + 1) * size]
                boxes[j, i, p] = t
                boxes[j, i, p, 0] = (sigmoid(t[0]) + i) * stride
                boxes[j, i, p, 1] = (sigmoid(t[1]) + j) * stride
                boxes[j, i, p, 2] = width * np.exp(t[2])
                boxes[j, i, p, 3] = height * np.exp(t[3])
    return boxes


def iou(a, b):
    """Of two boxes (x, y, w, h) around their centres."""
    common = 1.0
    for axis in (0, 1):
        low = max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2)
        high = min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2)
        common *= max(high - low, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def cross_entropy(logit, target):
    p = sigmoid(logit)
    return -target * np.log(p) - (1 - target) * np.log(1 - p)


def loss(objects, boxes, priors, stride, object_weight=5.0, ignore_iou=0.6):
    """Objects: a list per image of (x0, y0, x1, y1, class); boxes: (B, ...)."""
    total, count = 0.0, 0
    for image, found in zip(boxes, objects, strict=True):
        rows, columns = image.shape[:2]
        responsible, centred = set(), []
        for x0, y0, x1, y1, label in found:
            x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
            centred.append((x, y, w, h))
            shapes = [iou((0, 0, w, h), (0, 0, *prior)) for prior in priors]
            cell = int(y // stride), int(x // stride), int(np.argmax(shapes))
            responsible.add(cell)
            box = image[cell]
            weight = (2 - w * h / (rows * columns * stride**2)) / 2
            shift = ((box[0] - x) ** 2 + (box[1] - y) ** 2) / stride**2
            ratio = np.log(box[2] / w) ** 2 + np.log(box[3] / h) ** 2
            total += weight * (shift + ratio)
            total += object_weight * cross_entropy(box[4], iou(box, (x, y, w, h)))
            total += -np.log(np.exp(box[5 + int(label)]) / np.exp(box[5:]).sum())
            count += 1
        for cell in np.ndindex(image.shape[:3]):
            overlaps = [iou(image[cell], other) for other in centred]
            if cell not in responsible and max(overlaps, default=0) <= ignore_iou:
                total += cross_entropy(image[cell][4], 0.0)
    return total / max(count, 1)
