"""What `compile` takes as metrics: segmentation scores that ignore void pixels."""

from tfrecvis.metrics.accuracy import ClassAccuracy, GlobalAccuracy
from tfrecvis.metrics.confusion_matrix import ConfusionMatrix
from tfrecvis.metrics.mean_iou import MeanIoU

__all__ = ["ClassAccuracy", "ConfusionMatrix", "GlobalAccuracy", "MeanIoU"]
