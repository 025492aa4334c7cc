"""What `compile` takes as a loss."""

from tfrecvis.losses.class_weights import median_frequency_weights
from tfrecvis.losses.segmentation_cross_entropy import SegmentationCrossEntropy

__all__ = ["SegmentationCrossEntropy", "median_frequency_weights"]
