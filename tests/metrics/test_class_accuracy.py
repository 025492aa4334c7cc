import numpy as np
from metrics.scores import SegmentationScore
from reference.segmentation_metrics import class_accuracy

from tfrecvis.metrics import ClassAccuracy


class TestClassAccuracy(SegmentationScore):
    metric = ClassAccuracy
    expected = staticmethod(class_accuracy)
    four_pixels = 0.75


def test_per_class_scores_are_nan_for_classes_without_pixels():
    metric = ClassAccuracy(3)
    metric.update_state(np.array([[0, 0, 1]]), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(metric.per_class(), [0.5, 0.0, np.nan])
