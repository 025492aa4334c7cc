"""The operator of TensorFlow beside the gathered corners: the same numbers."""

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.ops import roi_align, roi_crop

B, C, BINS = 2, 3, (3, 2)


def maps_and_boxes(levels=1, count=40):
    rng = np.random.default_rng(2)
    sizes = [(18, 23), (9, 12), (5, 6)][:levels]
    maps = [rng.normal(size=(B, *size, C)).astype("float32") for size in sizes]
    low = rng.uniform(-12, 60, (B, count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0, 70, (B, count, 2))], -1)
    # Whole numbers: samples that lie on the borders, and one pixel outside.
    boxes[:, ::2] = np.round(boxes[:, ::2])
    boxes[:, :3] = [[-4, -4, 20, 20], [-6, -6, 6, 6], [76, 60, 100, 84]]
    boxes[:, 3] = 0
    return maps, boxes.astype("float32")


def align(maps, boxes, ratio, gathered=False):
    scales = tuple(0.25 / 2**k for k in range(len(maps)))
    return roi_align(
        maps,
        boxes,
        BINS,
        spatial_scale=scales if len(maps) > 1 else scales[0],
        sampling_ratio=ratio,
        canonical_size=24,
        canonical_level=3,
        box_gradients=gathered,
    )


@pytest.mark.parametrize("budget", [2**28, 2**12])
@pytest.mark.parametrize("ratio", [1, 2, 3])
@pytest.mark.parametrize("levels", [1, 3])
def test_operator_gives_what_gathered_corners_give(monkeypatch, levels, ratio, budget):
    monkeypatch.setattr(roi_crop, "BUDGET", budget)
    maps, boxes = maps_and_boxes(levels)
    maps = [tf.constant(m) for m in maps]
    upstream = np.random.default_rng(3).normal(size=(B, 40, *BINS, C)).astype("float32")
    results = []
    for gathered in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            y = align(maps, boxes, ratio, gathered)
        results.append((y, *tape.gradient(y, maps, upstream)))
    assert np.abs(results[0][0]).max() > 0.5
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=3e-5)


def test_operator_is_used_outside_xla_and_exports_only():
    maps, boxes = maps_and_boxes()

    def operators(**options):
        function = tf.function(lambda m: align([m], boxes, 2), **options)
        graph = function.get_concrete_function(tf.constant(maps[0])).graph
        return {node.type for node in graph.get_operations()}

    assert "CropAndResize" in operators()
    assert "CropAndResize" not in operators(jit_compile=True)


def test_number_of_boxes_may_be_dynamic_and_zero():
    maps, boxes = maps_and_boxes(3)

    @tf.function(input_signature=[tf.TensorSpec((None, None, 4))])
    def run(boxes):
        return align([tf.constant(m) for m in maps], boxes, 2)

    expected = align([tf.constant(m) for m in maps], boxes, 2, gathered=True)
    np.testing.assert_allclose(run(boxes), expected, atol=3e-5)
    assert run(boxes[:, :0]).shape == (B, 0, *BINS, C)
