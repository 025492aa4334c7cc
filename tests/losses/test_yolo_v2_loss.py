import keras
import numpy as np
import pytest
from reference import yolo_v2

from tfrecvis.layers import GridBoxes
from tfrecvis.losses import YOLOv2Loss

PRIORS = [(10.0, 20.0), (40.0, 30.0)]
OBJECTS = [
    [(4, 6, 30, 40, 1), (33, 18, 44, 36, 0), (20, 20, 23, 24, 2)],
    [(0, 0, 63, 47, 2)],
    [],
]
STRIDE = 16


def boxes():
    maps = np.random.default_rng(1).normal(size=(3, 3, 4, 16)).astype("float32")
    return keras.ops.convert_to_numpy(GridBoxes(PRIORS, STRIDE)(maps))


def padded(objects):
    truth = np.zeros((len(objects), 4, 5), "float32")
    truth[..., 4] = -1
    for image, found in enumerate(objects):
        for index, box in enumerate(found):
            truth[image, index] = box
    return truth


def test_loss_equals_the_loop_over_boxes():
    loss = YOLOv2Loss(PRIORS, STRIDE)(padded(OBJECTS), boxes())
    expected = yolo_v2.loss(OBJECTS, boxes(), PRIORS, STRIDE)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


def test_weights_and_ignored_overlap_are_those_of_the_loop():
    loss = YOLOv2Loss(PRIORS, STRIDE, object_weight=2.0, ignore_iou=0.1)
    expected = yolo_v2.loss(OBJECTS, boxes(), PRIORS, STRIDE, 2.0, 0.1)
    got = float(loss(padded(OBJECTS), boxes()))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert got != pytest.approx(yolo_v2.loss(OBJECTS, boxes(), PRIORS, STRIDE))


def test_images_without_any_object_train_to_finite_numbers():
    nothing = padded([[], [], []])[:, :0]
    loss = YOLOv2Loss(PRIORS, STRIDE)(nothing, boxes())
    expected = yolo_v2.loss([[], [], []], boxes(), PRIORS, STRIDE)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


def test_padding_changes_nothing():
    truth = padded(OBJECTS)
    wider = np.concatenate([truth, np.full((3, 2, 5), -1, "float32")], 1)
    loss = YOLOv2Loss(PRIORS, STRIDE)
    assert float(loss(wider, boxes())) == pytest.approx(float(loss(truth, boxes())))


def test_gradient_is_finite_where_a_box_leaves_the_image():
    import tensorflow as tf

    truth = padded([[(60, 40, 64, 48, 0)], [(-3, -3, 2, 2, 1)], []])
    values = tf.constant(boxes())
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = YOLOv2Loss(PRIORS, STRIDE)(truth, values)
    assert np.isfinite(tape.gradient(loss, values).numpy()).all()


def gradients(loss, jit_compile=None):
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def compute(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = loss(padded(OBJECTS), values)
        return tape.gradient(total, values)

    return compute(tf.constant(boxes())).numpy()


def test_no_gradient_passes_the_overlap():
    # The weight of the objectness moves logits, and no box.
    light, heavy = (
        gradients(YOLOv2Loss(PRIORS, STRIDE, object_weight=w)) for w in (0.0, 5.0)
    )
    np.testing.assert_allclose(light[..., :4], heavy[..., :4], atol=1e-6)
    assert np.abs(light[..., 4] - heavy[..., 4]).max() > 0.1


def test_xla_gives_the_same_gradients():
    loss = YOLOv2Loss(PRIORS, STRIDE)
    expected = gradients(loss)
    np.testing.assert_allclose(gradients(loss, jit_compile=True), expected, atol=1e-5)
