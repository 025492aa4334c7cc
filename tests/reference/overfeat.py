"""OverFeat's windows and losses, window by window; its merging, pair by pair."""

import numpy as np


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = np.prod(np.maximum(high - low, 0.0))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def windows(rows, columns, stride, size, scaled, before):
    """Sizes are (height, width)."""
    found = []
    for row, column in np.ndindex(rows, columns):
        y, x = (row + 0.5) * stride, (column + 0.5) * stride
        box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2])
        stretch = [before[1] / scaled[1], before[0] / scaled[0]] * 2
        found.append(box * stretch)
    return np.array(found)


def box_of(window, edges, height, width):
    x, y, right, bottom = window
    w, h = right - x, bottom - y
    across = sorted(np.clip([x + w * edges[0], x + w * edges[2]], 0, width))
    down = sorted(np.clip([y + h * edges[1], y + h * edges[3]], 0, height))
    return across[0], down[0], across[1], down[1]


def window_losses(logits, edges, windows, boxes, classes):
    total = moved = 0.0
    count = 0
    for image in range(len(logits)):
        for n, window in enumerate(np.float64(windows)):
            best, answer = 0.5, None
            for box, label in zip(
                np.float64(boxes[image]), classes[image], strict=True
            ):
                overlap = iou(window, box) if label >= 0 else 0.0
                if overlap >= best and (answer is None or overlap > best):
                    best, answer = overlap, (box, label)
            label = 0 if answer is None else answer[1] + 1
            z = np.float64(logits[image, n])
            total += np.log(np.exp(z).sum()) - z[label]
            if answer is None:
                continue
            count += 1
            sides = np.tile(window[2:] - window[:2], 2)
            target = (answer[0] - np.tile(window[:2], 2)) / sides
            own = np.float64(edges[image, n]).reshape(-1, 4)[label - 1]
            moved += np.square(own - target).sum()
    return total / max(count, 1), moved / max(count, 1)


def match(a, b):
    apart = np.linalg.norm((a[:2] + a[2:] - b[:2] - b[2:]) / 2)
    diagonals = [np.linalg.norm(x[2:] - x[:2]) for x in (a, b)]
    return apart / np.mean(diagonals) - iou(a, b)


def detections(boxes, scores, threshold, score_threshold, most, max_candidates):
    """Of one image `(N, K, 4)` and `(N, K)`: a list of (score, class, box)."""
    found = []
    for label in range(scores.shape[1]):
        order = np.argsort(-scores[:, label], kind="stable")[:max_candidates]
        kept = [
            (scores[n, label], np.float64(boxes[n, label]))
            for n in order
            if scores[n, label] > score_threshold
        ]
        while len(kept) > 1:
            pairs = [
                (match(kept[i][1], kept[j][1]), i, j)
                for i in range(len(kept))
                for j in range(i + 1, len(kept))
            ]
            lowest, i, j = min(pairs)
            if lowest > threshold:
                break
            (one, a), (other, b) = kept[i], kept[j]
            kept[i] = (max(one, other), (a + b) / 2)
            del kept[j]
        found += [(score, label, box) for score, box in kept]
    return sorted(found, key=lambda entry: -entry[0])[:most]
