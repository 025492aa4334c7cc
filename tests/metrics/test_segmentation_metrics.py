import keras
import numpy as np
import pytest
from reference import segmentation_metrics as reference

from tfrecvis.metrics import ClassAccuracy, ConfusionMatrix, GlobalAccuracy, MeanIoU

K = 4
SHAPE = (2, 5, 7)
SCORES = [
    (MeanIoU, reference.mean_iou),
    (GlobalAccuracy, reference.global_accuracy),
    (ClassAccuracy, reference.class_accuracy),
]


def random_case(seed=0, classes=K):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, SHAPE)
    labels[rng.random(SHAPE) < 0.2] = 255
    return labels, rng.normal(size=(*SHAPE, K)).astype("float32")


@pytest.mark.parametrize(("metric", "expected"), SCORES)
def test_scores_match_the_numpy_loop_over_two_batches(metric, expected):
    metric = metric(K)
    matrix = 0
    for seed in (0, 1):
        labels, logits = random_case(seed)
        metric.update_state(labels, logits)
        matrix = matrix + reference.confusion_matrix(labels, logits.argmax(-1), K)
    np.testing.assert_allclose(float(metric.result()), expected(matrix), atol=1e-6)
    np.testing.assert_array_equal(metric.counts(), matrix)


def test_confusion_matrix_has_labels_in_rows_and_predictions_in_columns():
    metric = ConfusionMatrix(3)
    metric.update_state(np.array([[0, 0, 2]]), np.array([[1, 1, 2]]))
    expected = [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert metric.counts().tolist() == expected
    assert keras.ops.convert_to_numpy(metric.result()).tolist() == expected


@pytest.mark.parametrize(("metric", "expected"), SCORES)
def test_class_absent_from_labels_and_predictions_is_left_out(metric, expected):
    # K = 4, but only classes 0 and 1 occur: a mean over 4 would be half of this.
    labels = np.array([[0, 0, 1, 1]])
    predictions = np.array([[0, 0, 1, 0]])
    metric = metric(K)
    metric.update_state(labels, predictions)
    by_hand = {"mean_iou": (2 / 3 + 1 / 2) / 2}.get(metric.name, 0.75)
    np.testing.assert_allclose(float(metric.result()), by_hand, atol=1e-6)
    matrix = reference.confusion_matrix(labels, predictions, K)
    np.testing.assert_allclose(expected(matrix), by_hand)


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


def test_void_none_counts_every_pixel():
    metric = GlobalAccuracy(256, void=None)
    metric.update_state(np.array([[255, 3]]), np.array([[255, 4]]))
    assert float(metric.result()) == 0.5


def test_counts_stay_exact_beyond_what_float32_can_count():
    metric = ConfusionMatrix(2)
    metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    # As after 2**40 + 2**24 - 1 pixels a cell; float32 stops at 2**24.
    seen = 2**40 + 2**24 - 1
    metric.high.assign(np.full(5, seen // 2**24) * [1, 1, 1, 1, 0])
    metric.low.assign(np.full(5, seen % 2**24) * [1, 1, 1, 1, 0])
    for _ in range(3):
        metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    assert metric.counts().tolist() == [[seen + 3, seen], [seen + 3, seen + 3]]
    expected = [[seen + 3, seen], [seen + 3, seen + 3]]
    result = keras.ops.convert_to_numpy(metric.result())
    np.testing.assert_allclose(result, expected, rtol=1e-7)


def test_adding_single_pixels_to_sixteen_million_is_not_lost():
    metric = GlobalAccuracy(1)
    metric.update_state(np.zeros(2**24, "uint8"), np.zeros(2**24, "uint8"))
    for _ in range(5):
        metric.update_state(np.array([0]), np.array([0]))
    assert int(metric.counts()[0, 0]) == 2**24 + 5


def test_labels_with_a_last_axis_of_one_are_the_same_labels():
    labels, logits = random_case()
    metric, flat = MeanIoU(K), MeanIoU(K)
    metric.update_state(labels[..., None], logits)
    flat.update_state(labels, logits)
    assert float(metric.result()) == float(flat.result())


def test_uint8_labels_and_predictions_do_not_overflow():
    # 200 * 201 + 200 does not fit in a uint8.
    metric = ConfusionMatrix(201)
    metric.update_state(np.array([[200]], "uint8"), np.array([[200]], "uint8"))
    assert metric.counts()[200, 200] == 1


@pytest.mark.parametrize("metric", [MeanIoU, GlobalAccuracy, ClassAccuracy])
def test_result_is_zero_before_the_first_pixel_and_after_a_void_batch(metric):
    metric = metric(K)
    assert float(metric.result()) == 0
    metric.update_state(np.full((1, 2, 2), 255), np.zeros((1, 2, 2), "int32"))
    assert float(metric.result()) == 0


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


def test_per_class_scores_are_nan_for_classes_without_pixels():
    metric = MeanIoU(3)
    metric.update_state(np.array([[0, 0, 1]]), np.array([[0, 1, 1]]))
    np.testing.assert_allclose(metric.per_class(), [0.5, 0.5, np.nan])
    metric = ClassAccuracy(3)
    metric.update_state(np.array([[0, 0, 1]]), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(metric.per_class(), [0.5, 0.0, np.nan])


@pytest.mark.parametrize("jit_compile", [True, False])
def test_metrics_work_inside_fit_with_and_without_xla(jit_compile):
    labels, images = random_case()
    model = keras.Sequential([keras.Input((5, 7, K)), keras.layers.Activation("tanh")])
    metrics = [metric(K) for metric, _ in SCORES]
    model.compile(
        loss=lambda y_true, y_pred: keras.ops.mean(y_pred),
        metrics=metrics,
        jit_compile=jit_compile,
    )
    scores = model.evaluate(images, labels, batch_size=1, verbose=0, return_dict=True)
    matrix = reference.confusion_matrix(labels, images.argmax(-1), K)
    for metric, expected in SCORES:
        name = metric(K).name
        np.testing.assert_allclose(scores[name], expected(matrix), atol=1e-6)


@pytest.mark.parametrize(
    "metric", [MeanIoU, GlobalAccuracy, ClassAccuracy, ConfusionMatrix]
)
def test_config_round_trip_keeps_every_argument(metric):
    metric = metric(3, void=11, name="score")
    again = type(metric).from_config(metric.get_config())
    assert (again.num_classes, again.void, again.name) == (3, 11, "score")


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
