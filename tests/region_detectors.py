"""Data for the tests of detectors that take regions from outside."""

import keras
import numpy as np
from detectors import bright_squares


def with_regions(count, seed=0, regions=20):
    """Bright squares, and regions near and far from them; the last is padding."""
    data = bright_squares(count, seed)
    data.pop("masks")
    rng = np.random.default_rng(seed)
    near = data["boxes"][:, rng.integers(0, 2, regions // 2)]
    noise = rng.normal(size=near.shape, scale=1.5)
    corners = rng.uniform(0, 34, (count, regions - regions // 2, 2))
    sides = rng.uniform(8, 14, corners.shape)
    far = np.concatenate([corners, corners + sides], -1)
    near = np.where(near[..., 2:].any(-1, keepdims=True), near + noise, 0)
    found = np.concatenate([near, far], 1).astype("float32")
    found[:, -1] = 0
    return {**data, "regions": found}


def inputs(batch):
    return {"images": batch["images"].astype("float32"), "regions": batch["regions"]}


def numpy(answer):
    return {name: keras.ops.convert_to_numpy(value) for name, value in answer.items()}
