import numpy as np
from metrics.scores import SegmentationScore
from reference.segmentation_metrics import global_accuracy

from tfrecvis.metrics import GlobalAccuracy


class TestGlobalAccuracy(SegmentationScore):
    metric = GlobalAccuracy
    expected = staticmethod(global_accuracy)
    four_pixels = 0.75


def test_void_none_counts_every_pixel():
    metric = GlobalAccuracy(256, void=None)
    metric.update_state(np.array([[255, 3]]), np.array([[255, 4]]))
    assert float(metric.result()) == 0.5


def test_adding_single_pixels_to_sixteen_million_is_not_lost():
    metric = GlobalAccuracy(1)
    metric.update_state(np.zeros(2**24, "uint8"), np.zeros(2**24, "uint8"))
    for _ in range(5):
        metric.update_state(np.array([0]), np.array([0]))
    assert int(metric.counts()[0, 0]) == 2**24 + 5
