"""What `compile` takes as metrics: scores without void pixels and padded words."""

from tfrecvis.metrics.accuracy import ClassAccuracy, GlobalAccuracy
from tfrecvis.metrics.caption_scores import Perplexity, WordAccuracy
from tfrecvis.metrics.confusion_matrix import ConfusionMatrix
from tfrecvis.metrics.mean_iou import MeanIoU

__all__ = [
    "ClassAccuracy",
    "ConfusionMatrix",
    "GlobalAccuracy",
    "MeanIoU",
    "Perplexity",
    "WordAccuracy",
]
