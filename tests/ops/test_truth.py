"""True boxes and classes that do not exist stop every loss, or show in it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfrecvis import losses
from tfrecvis.ops.truth import class_fault, padded_truth

BOXES = np.array([[[2.0, 3, 12, 13], [0, 0, 0, 0]]], "float32")
CLASSES = np.array([[1, -1]], "int32")
WINDOWS = np.array([[0.0, 0, 12, 12], [4, 4, 16, 16]], "float32")


def zeros(*shape):
    return ops.zeros(shape)


# Each of two classes.
LOSSES = {
    "yolo": lambda b, c: losses.yolo_loss(zeros(1, 2, 2, 12), b, c, (16, 16), 2),
    "yolo_v2": lambda b, c: {
        "all": losses.YOLOv2Loss([(8, 8)], stride=8)(
            ops.concatenate([b, ops.cast(c, "float32")[..., None]], -1),
            ops.ones((1, 2, 2, 1, 7)),
        )
    },
    "ssd": lambda b, c: losses.ssd_loss(zeros(1, 2, 3), zeros(1, 2, 4), WINDOWS, b, c),
    "windows": lambda b, c: losses.window_losses(
        zeros(1, 2, 3), zeros(1, 2, 8), WINDOWS, b, c
    ),
    "hungarian": lambda b, c: losses.hungarian_loss(
        zeros(1, 2, 2, 2, 3), zeros(1, 2, 2, 2, 4), b, c, stride=8
    ),
    "regions": lambda b, c: losses.region_losses(
        zeros(1, 2, 3), zeros(1, 2, 8), ops.convert_to_tensor(BOXES + 1), c + 1, b
    ),
}
WRONG = {
    "class": (BOXES, np.array([[2, -1]], "int32")),
    "below padding": (BOXES, np.array([[1, -2]], "int32")),
    "nan": (np.where(BOXES == 13, np.nan, BOXES), CLASSES),
    "infinity": (np.where(BOXES == 12, np.inf, BOXES), CLASSES),
}
CASES = [
    (loss, fault)
    for loss in LOSSES
    for fault in WRONG
    # The labels of sampled regions have no padding of -2, and their boxes are drawn.
    if loss != "regions" or fault == "class"
]


def compiled(function, jit):
    """A function of tensors as one compiled program of the backend."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return tf.function(function, jit_compile=jit)


@pytest.mark.parametrize("loss, fault", CASES)
def test_fault_is_named_when_its_values_are_there(loss, fault):
    message = "must be from 0 to 1" if "class" in fault else "must be finite"
    if fault == "below padding":
        message = "-1 for padding"
    with pytest.raises(ValueError, match=message):
        LOSSES[loss](*map(ops.convert_to_tensor, WRONG[fault]))


@pytest.mark.parametrize("loss, fault", CASES)
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX cannot stop a program"
)
def test_fault_stops_a_graph(loss, fault):
    function = compiled(LOSSES[loss], False)
    arguments = map(ops.convert_to_tensor, WRONG[fault])
    with pytest.raises(Exception, match=r"must be f(rom 0 to 1|inite)"):
        function(*arguments)


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(loss, marks=() if loss == "ssd" else pytest.mark.slow)
        for loss in LOSSES
    ],
)
def test_fault_shows_in_every_term_where_nothing_can_be_stopped(loss):
    function = compiled(LOSSES[loss], True)
    for fault in WRONG:
        if (loss, fault) in CASES:
            found = function(*map(ops.convert_to_tensor, WRONG[fault]))
            assert all(np.isnan(float(term)) for term in found.values()), fault
    found = function(ops.convert_to_tensor(BOXES), ops.convert_to_tensor(CLASSES))
    assert all(np.isfinite(float(term)) for term in found.values())


def test_padding_may_hold_anything():
    boxes = ops.convert_to_tensor(np.where(BOXES == 0, np.nan, BOXES))
    found, classes, fault = padded_truth(boxes, CLASSES, 2)
    want = np.concatenate([BOXES, np.zeros((1, 1, 4))], 1)
    np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(classes, [[1, -1, -1]])
    assert float(fault) == 0


def test_no_true_box_at_all_has_no_fault():
    empty = ops.zeros((2, 0, 4)), ops.zeros((2, 0), "int32")
    boxes, classes, fault = padded_truth(*empty, num_classes=3)
    assert tuple(boxes.shape) == (2, 1, 4) and float(fault) == 0
    np.testing.assert_array_equal(classes, [[-1], [-1]])
    assert float(class_fault(empty[1], 3)) == 0


def test_no_gradient_is_spoilt_by_a_check():
    logits = tf.Variable(np.zeros((1, 2, 3), "float32"))
    with tf.GradientTape() as tape:
        found = losses.ssd_loss(logits, zeros(1, 2, 4), WINDOWS, BOXES, CLASSES)
        total = sum(found.values())
    gradient = tape.gradient(total, logits)
    assert np.isfinite(gradient.numpy()).all() and np.abs(gradient).max() > 0
