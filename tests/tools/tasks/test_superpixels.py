import numpy as np

from tfrecvis.tools.tasks.superpixels import LandAccuracy


def test_land_accuracy_leaves_out_background_and_padding():
    metric = LandAccuracy()
    labels, answers = np.array([[0, 1, 2, 3]]), np.array([[1, 1, 3, 3]])
    metric.update_state(labels, np.eye(4)[answers], np.array([[1.0, 1.0, 1.0, 0.0]]))
    assert float(metric.result()) == 0.5
