"""What `compile` takes as a loss."""

from tfrecvis.losses.caption_cross_entropy import CaptionCrossEntropy
from tfrecvis.losses.class_weights import median_frequency_weights
from tfrecvis.losses.hungarian_loss import hungarian_loss
from tfrecvis.losses.region_losses import mask_loss, proposal_losses, region_losses
from tfrecvis.losses.segmentation_cross_entropy import SegmentationCrossEntropy
from tfrecvis.losses.ssd_loss import ssd_loss
from tfrecvis.losses.window_losses import window_losses
from tfrecvis.losses.yolo_loss import yolo_loss
from tfrecvis.losses.yolo_v2_loss import YOLOv2Loss
from tfrecvis.ops.attention_losses import doubly_stochastic_penalty, reinforce_loss

__all__ = [
    "CaptionCrossEntropy",
    "SegmentationCrossEntropy",
    "YOLOv2Loss",
    "doubly_stochastic_penalty",
    "hungarian_loss",
    "mask_loss",
    "median_frequency_weights",
    "proposal_losses",
    "region_losses",
    "reinforce_loss",
    "ssd_loss",
    "window_losses",
    "yolo_loss",
]
