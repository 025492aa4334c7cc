"""RoIAlign and RoIPool one sample and one pixel at a time, as plain NumPy loops."""

import math

import numpy as np


def bilinear(image, y, x):
    """The image at a point, or zeros where it is more than a pixel outside."""
    height, width, channels = image.shape
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(channels)
    y, x = max(y, 0.0), max(x, 0.0)
    top, left = int(y), int(x)
    if top >= height - 1:
        top = bottom = height - 1
        y = float(top)
    else:
        bottom = top + 1
    if left >= width - 1:
        left = right = width - 1
        x = float(left)
    else:
        right = left + 1
    down, across = y - top, x - left
    return (
        image[top, left] * (1 - down) * (1 - across)
        + image[top, right] * (1 - down) * across
        + image[bottom, left] * down * (1 - across)
        + image[bottom, right] * down * across
    )


def roi_align(maps, boxes, output_size, spatial_scale=1.0, ratio=2, aligned=True):
    rows, columns = output_size
    y = np.zeros((*boxes.shape[:2], rows, columns, maps.shape[-1]))
    for b, n in np.ndindex(*boxes.shape[:2]):
        offset = 0.5 if aligned else 0.0
        x1, y1, x2, y2 = boxes[b, n].astype("float64") * spatial_scale - offset
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        down = ratio if ratio > 0 else math.ceil(height / rows)
        across = ratio if ratio > 0 else math.ceil(width / columns)
        for i, j in np.ndindex(rows, columns):
            for k in range(down):
                for m in range(across):
                    sample_y = y1 + (i + (k + 0.5) / down) * height / rows
                    sample_x = x1 + (j + (m + 0.5) / across) * width / columns
                    y[b, n, i, j] += bilinear(maps[b], sample_y, sample_x)
            y[b, n, i, j] /= max(down * across, 1)
    return y


def roi_pool(maps, boxes, output_size, spatial_scale=1.0):
    rows, columns = output_size
    y = np.zeros((*boxes.shape[:2], rows, columns, maps.shape[-1]))
    size_y, size_x = maps.shape[1:3]
    for b, n in np.ndindex(*boxes.shape[:2]):
        scaled = boxes[b, n].astype("float64") * spatial_scale
        x1, y1, x2, y2 = (int(math.floor(abs(v) + 0.5) * np.sign(v)) for v in scaled)
        width, height = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
        for i, j in np.ndindex(rows, columns):
            top = y1 + i * height // rows
            bottom = y1 - (-(i + 1) * height // rows)
            left = x1 + j * width // columns
            right = x1 - (-(j + 1) * width // columns)
            top, bottom = (min(max(v, 0), size_y) for v in (top, bottom))
            left, right = (min(max(v, 0), size_x) for v in (left, right))
            if top < bottom and left < right:
                y[b, n, i, j] = maps[b, top:bottom, left:right].max((0, 1))
    return y
