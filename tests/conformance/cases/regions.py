"""What boxes cut out of maps."""

import numpy as np
from conformance.case import Case

from tfrecvis import layers
from tfrecvis.ops import max_pool_with_argmax


def draw_boxes(rng, batch, count, size, sides=(2, 20)):
    """Boxes `(batch, count, 4)` in pixels that begin within a square image."""
    corners = rng.uniform(-2, size, (batch, count, 2))
    sizes = rng.uniform(*sides, (batch, count, 2))
    return np.concatenate([corners, corners + sizes], -1).astype("float32")


def one_map(rng, batch, other):
    size = (6, 7) if other else (5, 8)
    maps = rng.normal(size=(batch, *size, 3)).astype("float32")
    return {"maps": maps, "boxes": draw_boxes(rng, batch, 3 + other, 20)}


def boxes_within(rng, batch, other):
    # Traced, an adaptive grid is exact for boxes that are no larger than the map.
    sample = one_map(rng, batch, other)
    return {**sample, "boxes": draw_boxes(rng, batch, 3, 8, (1, 9))}


def pyramid(rng, batch, other):
    sizes = [(8, 12), (4, 6), (2, 3)] if other else [(12, 8), (6, 4), (3, 2)]
    maps = [rng.normal(size=(batch, *s, 3)).astype("float32") for s in sizes]
    return {"maps": maps, "boxes": draw_boxes(rng, batch, 5 + other, 30, (2, 48))}


def boxes_far_from_halves(rng, batch, other):
    # RoIPool rounds: what each format computes must not decide between two pixels.
    sample = one_map(rng, batch, other)
    sides = rng.integers([1, 1, 3, 3], [3, 3, 9, 9], (batch, 3 + other, 4)) * 4
    return {**sample, "boxes": (sides + rng.uniform(-1, 1, sides.shape)).astype("f")}


def odd_maps(rng, batch, other):
    size = (6, 9) if other else (5, 7)
    return {"maps": rng.normal(size=(batch, *size, 3)).astype("float32")}


def pooled(rng, batch, other):
    maps = odd_maps(rng, batch, other)["maps"]
    values, indices = max_pool_with_argmax(maps, (2, 3), "same")
    return {
        "values": np.array(values),
        "indices": np.array(indices),
        "like": maps[..., :1],
    }


def levels(rng, batch, other):
    sizes = [(4, 6), (2, 3)] if other else [(6, 4), (3, 2)]
    maps = [rng.normal(size=(batch, *size, 2)).astype("float32") for size in sizes]
    return {"maps": maps}


def anchors_and_deltas(rng, batch, other):
    count = 24 + 8 * other
    return {
        "logits": rng.normal(size=(batch, count)).astype("float32"),
        "deltas": rng.normal(size=(batch, count, 4), scale=0.3).astype("float32"),
        "anchors": draw_boxes(rng, 1, count, 30)[0],
        "images": np.zeros((batch, 24 + 4 * other, 32, 3), "float32"),
    }


def moved_regions(rng, batch, other):
    count = 3 + other
    return {
        "deltas": rng.normal(size=(batch, count, 8)).astype("float32"),
        "regions": draw_boxes(rng, batch, count, 20),
        "images": np.zeros((batch, 24, 32 + 4 * other, 3), "float32"),
    }


def regions_and_truth(rng, batch, other):
    boxes = draw_boxes(rng, batch, 3, 20)
    count = 5 + other
    far = draw_boxes(rng, batch, count, 20) + 40
    return {
        "regions": np.concatenate(
            [boxes + np.float32(0.5), boxes + np.float32(4), far], 1
        ),
        "boxes": boxes,
        "classes": rng.integers(0, 4, (batch, 3)).astype("int32"),
    }


def sequences(rng, batch, other):
    cells = (batch, 2, 3 + other, 4)
    return {
        "offsets": rng.normal(size=(*cells, 4), scale=9).astype("float32"),
        "logits": rng.normal(size=(*cells, 3)).astype("float32"),
        "images": np.zeros((batch, 16, 22 + 8 * other, 3), "float32"),
    }


def windows(rng, batch, other):
    return {
        "edges": rng.normal(size=(batch, 5 + other, 8)).astype("float32"),
        "windows": draw_boxes(rng, 1, 5 + other, 20)[0],
        "images": np.zeros((batch, 16, 22 + 8 * other, 3), "float32"),
    }


def maps_of_windows(rng, batch, other):
    return {
        "maps": np.zeros((batch, 2, 3 + other, 4), "float32"),
        "scaled": np.zeros((batch, 16, 21 + 8 * other, 3), "float32"),
        "images": np.zeros((batch, 12, 15 + 4 * other, 3), "float32"),
    }


CASES = {
    "Anchors": Case(
        layers.Anchors,
        {
            "strides": [4, 8],
            "sizes": [[8], [16]],
            "ratios": [[0.5, 2.0], [1.0]],
            "squares": [[11.0], []],
        },
        levels,
        keeps_float32=True,
    ),
    "RegionProposals": Case(
        layers.RegionProposals,
        {"max_outputs": 6, "max_candidates": 20, "iou_threshold": 0.4, "min_size": 3.0},
        anchors_and_deltas,
        keeps_float32=True,
        loop_of="NonMaxSuppression",
    ),
    "RegionBoxes": Case(layers.RegionBoxes, {}, moved_regions, keeps_float32=True),
    "SlidingWindows": Case(
        layers.SlidingWindows,
        {"stride": 8, "size": 24},
        maps_of_windows,
        keeps_float32=True,
    ),
    "WindowBoxes": Case(layers.WindowBoxes, {}, windows, keeps_float32=True),
    "SequenceBoxes": Case(
        layers.SequenceBoxes, {"stride": 8}, sequences, keeps_float32=True
    ),
    # All positives and all background are drawn, so that no call differs.
    "RegionSamples": Case(
        layers.RegionSamples,
        {
            "num_samples": 16,
            "positive_fraction": 0.75,
            "foreground": 0.6,
            "background": 0.05,
            "seed": 3,
        },
        regions_and_truth,
        keeps_float32=True,
        unsupported=dict.fromkeys(
            ("LiteRT builtins", "ONNX"), "it draws at random, for training only"
        ),
    ),
    "RoIPool": Case(
        layers.RoIPool,
        {"output_size": (2, 3), "spatial_scale": 0.25},
        boxes_far_from_halves,
    ),
    "MaxPoolWithArgmax": Case(
        layers.MaxPoolWithArgmax, {"pool_size": (2, 3), "padding": "same"}, odd_maps
    ),
    "MaxUnpool2D": Case(layers.MaxUnpool2D, {"pool_size": (2, 3)}, pooled),
    "RoIAlign": Case(
        layers.RoIAlign,
        {"output_size": (2, 3), "spatial_scale": 0.25, "box_gradients": True},
        one_map,
    ),
    "RoIAlign, adaptive, not aligned": Case(
        layers.RoIAlign,
        {"output_size": 2, "spatial_scale": 0.5, "sampling_ratio": 0, "aligned": False},
        boxes_within,
        variant=True,
    ),
    "RoIAlign, pyramid": Case(
        layers.RoIAlign,
        {
            "output_size": 3,
            "spatial_scale": (0.25, 0.125, 0.0625),
            "sampling_ratio": 1,
            "canonical_size": 28,
            "canonical_level": 3,
        },
        pyramid,
        variant=True,
    ),
}
