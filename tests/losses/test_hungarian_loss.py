import numpy as np
import pytest
import tensorflow as tf
from reference import reinspect

from tfrecvis.losses import hungarian_loss

STRIDE = 16


def draw(seed=0, steps=5):
    """Some predictions near the truth, so that some hit it and some miss it."""
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, 50, (2, 8, 2)), rng.uniform(4, 30, (2, 8, 2))
    boxes = np.concatenate([corners, corners + sides], -1).astype("float32")
    classes = rng.integers(-1, 3, (2, 8)).astype("int32")
    offsets = rng.normal(size=(2, 3, 4, steps, 4), scale=12)
    offsets[..., 2:] += 16
    logits = rng.normal(size=(2, 3, 4, steps, 4))
    return logits.astype("float32"), offsets.astype("float32"), boxes, classes


def numbers(losses):
    return float(losses["classes"]), float(losses["boxes"])


@pytest.mark.parametrize("steps", [5, 2])
def test_loss_equals_the_loop_over_cells_with_scipys_assignment(steps):
    given = draw(steps, steps)
    expected = reinspect.hungarian_loss(*given, STRIDE, 0.1)
    found = hungarian_loss(*given, STRIDE, box_weight=0.1)
    np.testing.assert_allclose(numbers(found), expected, rtol=1e-5)


def test_padding_changes_nothing():
    logits, offsets, boxes, classes = draw()
    wider = (
        np.pad(boxes, [(0, 0), (0, 3), (0, 0)]),
        np.pad(classes, [(0, 0), (0, 3)], constant_values=-1),
    )
    expected = numbers(hungarian_loss(logits, offsets, boxes, classes, STRIDE))
    found = numbers(hungarian_loss(logits, offsets, *wider, STRIDE))
    assert found == pytest.approx(expected)


def gradients(given, jit_compile=None):
    logits, offsets, boxes, classes = given

    @tf.function(jit_compile=jit_compile)
    def compute(logits, offsets):
        with tf.GradientTape() as tape:
            tape.watch((logits, offsets))
            losses = hungarian_loss(logits, offsets, boxes, classes, STRIDE)
        total = losses["classes"] + losses["boxes"]
        return total, tape.gradient(losses, (logits, offsets))

    total, both = compute(tf.constant(logits), tf.constant(offsets))
    return float(total), [gradient.numpy() for gradient in both]


def test_images_without_any_box_teach_to_stop():
    logits, offsets, *_ = draw()
    nothing = np.zeros((2, 0, 4), "float32"), np.zeros((2, 0), "int32")
    _, (by_logits, by_offsets) = gradients((logits, offsets, *nothing))
    assert not by_offsets.any()
    assert (by_logits[..., 0] < 0).all() and (by_logits[..., 1:] > 0).all()


def test_matched_steps_alone_move_towards_their_boxes():
    given = draw()
    _, (_, by_offsets) = gradients(given)
    moved = (by_offsets != 0).any(-1)
    assert 0 < moved.sum() < moved.size
    # A distance, whose slope is that of each coordinate: 0.03 / cells
    np.testing.assert_allclose(np.abs(by_offsets[moved]), 0.03 / 24, rtol=1e-5)


def test_xla_gives_the_same_loss_and_gradients():
    given = draw()
    total, plain = gradients(given)
    of_xla, compiled = gradients(given, jit_compile=True)
    assert of_xla == pytest.approx(total, rel=1e-5)
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_too_many_steps_and_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="at most 6 predictions"):
        hungarian_loss(*draw(steps=7), STRIDE)
    logits, offsets, boxes, classes = draw()
    with pytest.raises(ValueError, match="`offsets` must have the shape"):
        hungarian_loss(logits, offsets[..., :3], boxes, classes, STRIDE)
    with pytest.raises(ValueError, match="`box_weight` must be"):
        hungarian_loss(logits, offsets, boxes, classes, STRIDE, box_weight=-1)
