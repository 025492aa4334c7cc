import keras
import numpy as np
import pytest
from metrics.scores import K, SegmentationScore, random_case
from reference.segmentation_metrics import mean_iou

from tfrecvis.metrics import MeanIoU


class TestMeanIoU(SegmentationScore):
    metric = MeanIoU
    expected = staticmethod(mean_iou)
    four_pixels = (2 / 3 + 1 / 2) / 2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mean_iou_equals_that_of_keras_with_an_ignored_class(seed):
    labels, logits = random_case(seed, classes=3)
    keras_metric = keras.metrics.MeanIoU(
        K, ignore_class=255, sparse_y_pred=False, axis=-1
    )
    keras_metric.update_state(labels, logits)
    metric = MeanIoU(K)
    metric.update_state(labels, logits)
    np.testing.assert_allclose(
        float(metric.result()), float(keras_metric.result()), atol=1e-6
    )


def test_void_pixels_count_for_nothing_whatever_is_predicted_there():
    labels, logits = random_case()
    metric = MeanIoU(K)
    metric.update_state(labels, logits)
    before = metric.counts()
    logits[labels == 255] = np.roll(logits[labels == 255], 1, axis=-1)
    metric.reset_state()
    metric.update_state(labels, logits)
    np.testing.assert_array_equal(metric.counts(), before)


def test_labels_with_a_last_axis_of_one_are_the_same_labels():
    labels, logits = random_case()
    metric, flat = MeanIoU(K), MeanIoU(K)
    metric.update_state(labels[..., None], logits)
    flat.update_state(labels, logits)
    assert float(metric.result()) == float(flat.result())


@pytest.mark.parametrize("bad", [K, 254, -1])
def test_label_that_is_neither_class_nor_void_is_refused_by_name(bad):
    metric = MeanIoU(K)
    with pytest.raises(ValueError, match=rf"0..3 or 255 \(void\). Received: {bad}. "):
        metric.update_state(np.array([[0, bad]]), np.array([[0, 0]]))
    with pytest.raises(ValueError, match=rf"Predictions must be .* Received: {bad}. "):
        metric.update_state(np.array([[0, 0]]), np.array([[0, bad]]))
    metric.update_state(np.array([[0, 255]]), np.array([[0, bad]]))  # void
    assert metric.counts().sum() == 1


@pytest.mark.parametrize("jit_compile", [True, False])
def test_wrong_label_stops_fit_with_and_without_xla(jit_compile):
    labels, images = random_case()
    labels[0, 0, :2] = 9, 77
    model = keras.Sequential([keras.Input((5, 7, K)), keras.layers.Dense(K)])
    model.compile(
        loss=lambda y_true, y_pred: keras.ops.mean(y_pred),
        metrics=[MeanIoU(K)],
        jit_compile=jit_compile,
    )
    # XLA cannot stop a step: there the metric speaks at the end of the epoch.
    message = "2 pixels .* outside 0..3" if jit_compile else "Labels must be 0..3"
    with pytest.raises(Exception, match=message):
        model.fit(images, labels, verbose=0)


def test_sample_weight_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="Set the labels of unwanted pixels to void"):
        MeanIoU(2).update_state([[0]], [[0]], sample_weight=[1.0])


def test_wrong_number_of_logits_is_named():
    with pytest.raises(ValueError, match=r"here \(..., 4\). Received: logits.shape="):
        MeanIoU(4).update_state(np.zeros((1, 2, 2)), np.zeros((1, 2, 2, 3), "float32"))


def test_labels_of_another_size_than_the_predictions_are_named():
    with pytest.raises(
        ValueError, match=r"y_pred.shape=\(1, 2, 3\), y_true.shape=\(1, 2, 2\)"
    ):
        MeanIoU(4).update_state(np.zeros((1, 2, 2)), np.zeros((1, 2, 3), "int32"))


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, None])
def test_number_of_classes_must_be_a_positive_whole_number(num_classes):
    with pytest.raises(
        ValueError, match="`num_classes` must be an integer of at least 1"
    ):
        MeanIoU(num_classes)


def test_per_class_scores_are_nan_for_classes_without_pixels():
    metric = MeanIoU(3)
    metric.update_state(np.array([[0, 0, 1]]), np.array([[0, 1, 1]]))
    np.testing.assert_allclose(metric.per_class(), [0.5, 0.5, np.nan])
