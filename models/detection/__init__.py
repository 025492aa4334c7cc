"""Models that find objects, and what they answer."""

from tfrecvis.models.detection.answers import signatures
from tfrecvis.models.detection.fast_rcnn import FastRCNN, fast_rcnn_trainer
from tfrecvis.models.detection.faster_rcnn import FasterRCNN
from tfrecvis.models.detection.mask_rcnn import MaskRCNN
from tfrecvis.models.detection.rcnn import RCNN, rcnn_trainer
from tfrecvis.models.detection.svm_stage import fit_svms
from tfrecvis.models.detection.two_stage import two_stage_trainer
from tfrecvis.models.detection.yolo_v2 import YOLOv2

__all__ = [
    "RCNN",
    "FastRCNN",
    "FasterRCNN",
    "MaskRCNN",
    "YOLOv2",
    "fast_rcnn_trainer",
    "fit_svms",
    "rcnn_trainer",
    "signatures",
    "two_stage_trainer",
]
