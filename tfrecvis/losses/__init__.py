"""What `compile` takes as a loss."""

from tfrecvis.losses.attention import doubly_stochastic_penalty, reinforce_loss
from tfrecvis.losses.class_weights import median_frequency_weights
from tfrecvis.losses.segmentation_cross_entropy import SegmentationCrossEntropy

__all__ = [
    "SegmentationCrossEntropy",
    "doubly_stochastic_penalty",
    "median_frequency_weights",
    "reinforce_loss",
]
