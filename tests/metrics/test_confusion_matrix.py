import keras
import numpy as np

from tfrecvis.metrics import ConfusionMatrix


def test_confusion_matrix_has_labels_in_rows_and_predictions_in_columns():
    metric = ConfusionMatrix(3)
    metric.update_state(np.array([[0, 0, 2]]), np.array([[1, 1, 2]]))
    expected = [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert metric.counts().tolist() == expected
    assert keras.ops.convert_to_numpy(metric.result()).tolist() == expected


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


def test_uint8_labels_and_predictions_do_not_overflow():
    # 200 * 201 + 200 does not fit in a uint8.
    metric = ConfusionMatrix(201)
    metric.update_state(np.array([[200]], "uint8"), np.array([[200]], "uint8"))
    assert metric.counts()[200, 200] == 1


def test_config_round_trip_keeps_every_argument():
    metric = ConfusionMatrix(3, void=11, name="score")
    again = ConfusionMatrix.from_config(metric.get_config())
    assert (again.num_classes, again.void, again.name) == (3, 11, "score")
