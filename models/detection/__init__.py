"""Models that find objects, and what they answer."""

from tfrecvis.models.detection.answers import signatures
from tfrecvis.models.detection.fast_rcnn import FastRCNN, fast_rcnn_trainer
from tfrecvis.models.detection.faster_rcnn import FasterRCNN
from tfrecvis.models.detection.mask_rcnn import MaskRCNN
from tfrecvis.models.detection.overfeat import OverFeat, overfeat_trainer
from tfrecvis.models.detection.rcnn import RCNN, rcnn_trainer
from tfrecvis.models.detection.reinspect import ReInspect, reinspect_trainer
from tfrecvis.models.detection.ssd import SSD, ssd_trainer
from tfrecvis.models.detection.svm_stage import fit_svms
from tfrecvis.models.detection.two_stage import two_stage_trainer
from tfrecvis.models.detection.yolo import YOLO, yolo_trainer
from tfrecvis.models.detection.yolo_v2 import YOLOv2

__all__ = [
    "RCNN",
    "SSD",
    "YOLO",
    "FastRCNN",
    "FasterRCNN",
    "MaskRCNN",
    "OverFeat",
    "ReInspect",
    "YOLOv2",
    "fast_rcnn_trainer",
    "fit_svms",
    "overfeat_trainer",
    "rcnn_trainer",
    "reinspect_trainer",
    "signatures",
    "ssd_trainer",
    "two_stage_trainer",
    "yolo_trainer",
]
